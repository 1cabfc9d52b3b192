//! Names a browser and system from a `User-Agent`, well enough for "where you are logged in". The
//! header itself is not stored: it is long, free text, and nobody's business.

/// `Firefox on Windows`, `Safari on iPhone`; `Unknown device` where nothing is recognised.
pub fn name(user_agent: &str) -> String {
    let has = |word: &str| user_agent.contains(word);
    let find = |words: &[(&'static str, &'static str)]| {
        words.iter().find(|(word, _)| has(word)).map(|(_, name)| *name)
    };
    // Order matters: most browsers claim to be others too.
    let browser = find(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("CriOS", "Chrome"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    ]);
    let system = find(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn common_browsers_are_told_apart() {
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 \
                   (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0";
        assert_eq!(super::name(mac), "Edge on Mac");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 \
                     (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
        assert_eq!(super::name(phone), "Safari on iPhone");
        assert_eq!(super::name("<script>"), "Unknown device");
    }
}
