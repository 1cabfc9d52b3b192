//! What the sample stores sell.

use std::fmt;

/// An amount in euro cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Euro(pub u32);

impl fmt::Display for Euro {
    /// As people write it: `€1,234.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, cents) = (self.0 / 100, self.0 % 100);
        match (whole / 1000, whole % 1000) {
            (0, whole) => write!(f, "€{whole}.{cents:02}"),
            (thousands, whole) => write!(f, "€{thousands},{whole:03}.{cents:02}"),
        }
    }
}

/// Something on the shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Names it in forms and in the cart cookie: `[a-z0-9-]+`, at most 24 characters.
    pub sku: &'static str,
    /// What the label says.
    pub name: &'static str,
    /// How much of it one price buys.
    pub unit: &'static str,
    /// A sentence to fall for.
    pub note: &'static str,
    /// What it costs.
    pub price: Euro,
    /// File name of its picture, one of the assets.
    pub picture: &'static str,
}

const fn product(
    (sku, name): (&'static str, &'static str),
    (unit, cents): (&'static str, u32),
    picture: &'static str,
    note: &'static str,
) -> Product {
    Product { sku, name, unit, note, price: Euro(cents), picture }
}

/// The shelf of Harbor Coffee.
pub const COFFEES: &[Product] = &[
    product(
        ("lighthouse", "Lighthouse Blend"),
        ("250 g", 1190),
        "shop-lighthouse.svg",
        "Round, steady, visible from afar. Cocoa and toasted hazelnut.",
    ),
    product(
        ("night-watch", "Night Watch Espresso"),
        ("250 g", 1290),
        "shop-nightwatch.svg",
        "For the hours between two and four. Dark cherry, molasses.",
    ),
    product(
        ("first-ferry", "First Ferry Filter"),
        ("250 g", 1350),
        "shop-ferry.svg",
        "Bright as the deck at sunrise. Apricot, jasmine, lemon peel.",
    ),
    product(
        ("slack-tide", "Slack Tide Decaf"),
        ("250 g", 1240),
        "shop-tide.svg",
        "Nothing pulls either way. Caramel and a calm evening.",
    ),
    product(
        ("cold-brew", "Quay Cold Brew"),
        ("750 ml", 890),
        "shop-bottle.svg",
        "Eighteen hours in the cellar, none in the sun.",
    ),
    product(
        ("mug", "Enamel Deck Mug"),
        ("350 ml", 1600),
        "shop-mug.svg",
        "Has been dropped on purpose. Chips tell stories.",
    ),
];

/// The shelf of Harbor Trade: the same house, by the pallet.
pub const TRADE: &[Product] = &[
    product(
        ("lighthouse-5kg", "Lighthouse Blend"),
        ("sack of 5 kg", 9850),
        "shop-sack.svg",
        "Whole bean, roasted on Mondays, on your dock by Wednesday.",
    ),
    product(
        ("night-watch-5kg", "Night Watch Espresso"),
        ("sack of 5 kg", 10_650),
        "shop-sack-dark.svg",
        "Keeps its crema through a Saturday queue.",
    ),
    product(
        ("slack-tide-5kg", "Slack Tide Decaf"),
        ("sack of 5 kg", 10_200),
        "shop-sack.svg",
        "For the guests who ask twice whether it really is one.",
    ),
    product(
        ("filter-48", "First Ferry, ground"),
        ("case of 48 × 90 g", 13_920),
        "shop-crate.svg",
        "One pouch, one full brewer. Nobody weighs at six in the morning.",
    ),
    product(
        ("cold-brew-12", "Quay Cold Brew"),
        ("crate of 12 × 750 ml", 7440),
        "shop-bottle.svg",
        "Deposit bottles. We collect what you empty.",
    ),
    product(
        ("mug-24", "Enamel Deck Mug"),
        ("carton of 24", 21_600),
        "shop-mug.svg",
        "With your café's name on request, from two cartons up.",
    ),
];

/// The shelf of Northwind Tea.
pub const TEAS: &[Product] = &[
    product(
        ("gale", "Gale Force Breakfast"),
        ("tin of 100 g", 980),
        "shop-tin-red.svg",
        "Assam and Kenya. Stands up to milk and to weather.",
    ),
    product(
        ("kite-string", "Kite String Green"),
        ("tin of 80 g", 1120),
        "shop-tin-green.svg",
        "Long leaves, light hand. Chestnut and cut grass.",
    ),
    product(
        ("smoke-signal", "Smoke Signal"),
        ("tin of 80 g", 1180),
        "shop-tin-dark.svg",
        "Lapsang for people who miss the campfire.",
    ),
    product(
        ("lull", "The Lull"),
        ("tin of 60 g", 890),
        "shop-tin-blue.svg",
        "Chamomile and lavender. Bedtime by the shortest road.",
    ),
    product(
        ("four-winds", "Four Winds Sampler"),
        ("box of 40 bags", 1490),
        "shop-box.svg",
        "Ten of each tea, and no argument about who gets the last one.",
    ),
    product(
        ("pot", "Windbreak Teapot"),
        ("0.9 l", 3450),
        "shop-pot.svg",
        "Stoneware. Pours without dripping, which is rarer than you think.",
    ),
];
