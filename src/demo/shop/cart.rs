//! The cart of a visitor, whether logged in or not. It lives in one cookie and nowhere else, so
//! that whoever has the cookie's value (a link opened on another device, say) has the cart.

use super::products::{Euro, Product};

/// Name of the cookie.
pub const COOKIE: &str = "cart";
/// How long a browser keeps it, in seconds: 30 days.
const MAX_AGE: u32 = 30 * 24 * 60 * 60;
/// Most lines of a cart.
const MAX_LINES: usize = 20;
/// Most of one product.
pub const MAX_QUANTITY: u8 = 99;

/// One product and how many of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub product: &'static Product,
    /// How many: 1 to [`MAX_QUANTITY`].
    pub quantity: u8,
}

impl Line {
    /// What it costs.
    pub fn price(&self) -> Euro {
        Euro(self.product.price.0 * u32::from(self.quantity))
    }
}

/// The lines of a cart, in the order in which they were put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cart {
    /// The lines; no product twice.
    pub lines: Vec<Line>,
}

impl Cart {
    /// Reads the cookie's value, `sku.quantity_sku.quantity`. What is not exactly of this form, or
    /// not on `shelf`, is left out: the value comes from outside.
    pub fn read(value: &str, shelf: &'static [Product]) -> Self {
        let mut cart = Self::default();
        for part in value.split('_').take(MAX_LINES) {
            let Some((sku, quantity)) = part.split_once('.') else { continue };
            let Some(quantity) = read_quantity(quantity).filter(|n| *n > 0) else { continue };
            let Some(product) = shelf.iter().find(|p| p.sku == sku) else { continue };
            if cart.quantity(product) == 0 {
                cart.set(product, quantity);
            }
        }
        cart
    }

    /// The cookie's value; [`Cart::read`] reads it.
    pub fn write(&self) -> String {
        let parts: Vec<_> =
            self.lines.iter().map(|l| format!("{}.{}", l.product.sku, l.quantity)).collect();
        parts.join("_")
    }

    /// The `Set-Cookie` header (RFC 6265) that keeps this cart below `path`, or that deletes an
    /// empty one. Written by hand because the value and the attributes are plain ASCII.
    pub fn set_cookie(&self, path: &str) -> String {
        let max_age = if self.lines.is_empty() { 0 } else { MAX_AGE };
        let value = self.write();
        format!("{COOKIE}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax")
    }

    /// How many of `product` are in it.
    pub fn quantity(&self, product: &Product) -> u8 {
        self.lines.iter().find(|l| l.product == product).map_or(0, |l| l.quantity)
    }

    /// Changes the quantity of `product`; 0 takes it out. More than the most is the most, and a
    /// further line of a full cart is left out.
    pub fn set(&mut self, product: &'static Product, quantity: u8) {
        let quantity = quantity.min(MAX_QUANTITY);
        match self.lines.iter().position(|l| l.product == product) {
            Some(at) => self.lines[at].quantity = quantity,
            None if self.lines.len() < MAX_LINES => self.lines.push(Line { product, quantity }),
            None => {}
        }
        self.lines.retain(|l| l.quantity > 0);
    }

    /// How many things are in it.
    pub fn count(&self) -> u32 {
        self.lines.iter().map(|l| u32::from(l.quantity)).sum()
    }

    /// What they cost together.
    pub fn total(&self) -> Euro {
        Euro(self.lines.iter().map(|line| line.price().0).sum())
    }
}

/// Reads a quantity, 0 to [`MAX_QUANTITY`]: digits alone, no sign, no leading zero.
pub fn read_quantity(text: &str) -> Option<u8> {
    let plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|n| plain && *n <= MAX_QUANTITY)
}

#[cfg(test)]
mod tests {
    use super::super::products::{COFFEES, TEAS, TRADE};
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for shelf in [COFFEES, TRADE, TEAS] {
            let mut cart = Cart::default();
            for (product, quantity) in shelf.iter().zip([1, 99, 7, 20, 3, 12]) {
                cart.set(product, quantity);
            }
            assert_eq!(cart.lines.len(), shelf.len());
            assert_eq!(Cart::read(&cart.write(), shelf), cart);
        }
    }

    #[test]
    fn only_the_exact_form_is_read() {
        for bad in [
            "", "mug", "mug.", "mug.0", "mug.01", "mug.+1", "mug.-1", "mug.100", "mug.1.1",
            " mug.1", "mug.1 ", "mug. 1", "MUG.1", "pot.1", "mug,1", "mug.1;x", "mug.٣", "_", ".",
            "..",
        ] {
            assert_eq!(Cart::read(bad, COFFEES), Cart::default(), "{bad:?}");
        }
        let cart = Cart::read("x.1_mug.2__mug.3_<b>.1_lighthouse.1", COFFEES);
        assert_eq!(cart.write(), "mug.2_lighthouse.1");
        let far = format!("{}mug.1", "x.1_".repeat(MAX_LINES));
        assert_eq!(Cart::read(&far, COFFEES), Cart::default());
    }

    #[test]
    fn an_empty_cart_deletes_its_cookie() {
        let mut cart = Cart::read("mug.2", COFFEES);
        assert_eq!(
            cart.set_cookie("/s/harbor"),
            "cart=mug.2; Path=/s/harbor; Max-Age=2592000; HttpOnly; SameSite=Lax"
        );
        cart.set(&COFFEES[5], 0);
        assert!(cart.set_cookie("/s/harbor").starts_with("cart=; Path=/s/harbor; Max-Age=0;"));
    }

    #[test]
    fn sums_are_right() {
        let cart = Cart::read("mug.2_cold-brew.3", COFFEES);
        assert_eq!((cart.count(), cart.total()), (5, Euro(2 * 1600 + 3 * 890)));
        let said = [5, 890, 99_900, 123_450, 1_000_005, 17_820_000].map(|n| Euro(n).to_string());
        let wanted = ["€0.05", "€8.90", "€999.00", "€1,234.50", "€10,000.05", "€178,200.00"];
        assert_eq!(said, wanted);
    }

    #[test]
    fn skus_fit_the_cookie() {
        for product in [COFFEES, TRADE, TEAS].concat() {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(product.sku.len() <= 24 && product.sku.bytes().all(fits), "{}", product.sku);
        }
    }
}
