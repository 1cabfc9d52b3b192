# Alle Texte der Shopseiten. { $store } ist der Name des Shops.
# Hinweise für Übersetzungen stehen in en/store.ftl.

## Auf jeder Seite

skip-link = Zum Inhalt springen
header-account = Angemeldet als { $name }
footer-note = { $store } fragt Sie nie am Telefon oder per E-Mail nach Ihrem Passwort.

## Felder, die mehrere Seiten gemeinsam haben

field-email = E-Mail-Adresse
field-password = Passwort
field-new-password = Neues Passwort
field-repeat-password = Neues Passwort wiederholen
field-current-password = Aktuelles Passwort
field-first-name = Vorname
field-last-name = Nachname
password-show = Passwort anzeigen
password-mismatch = Die beiden Passwörter stimmen noch nicht überein.
password-refused = Bitte wählen Sie ein anderes Passwort
password-hint = Mindestens acht Zeichen. Ein paar Wörter ohne Zusammenhang sind ein gutes Passwort.
password-hint-min = Mindestens { $min } Zeichen. Ein paar Wörter ohne Zusammenhang sind ein gutes Passwort.
meter-0 = Viel zu leicht zu erraten
meter-1 = Zu leicht zu erraten
meter-2 = Könnte stärker sein
meter-3 = Ein gutes Passwort
meter-4 = Ein ausgezeichnetes Passwort
back-to-login = Zurück zur Anmeldung
link-account = Zurück zu Ihrem Konto
form-failed = Das hat nicht geklappt. Bitte prüfen Sie die markierten Felder.
# $suggestion ist eine ganze E-Mail-Adresse; der Browser setzt sie ein.
email-suggestion = Meinten Sie { $suggestion }?

## Warum ein Passwort abgelehnt wird

# $min ist eine Anzahl von Zeichen.
password-reason-too-short = Verwenden Sie mindestens { $min } Zeichen.
password-reason-too-long = Das ist länger, als wir speichern können. Bitte kürzen Sie es.
password-reason-common = Es gehört zu den Passwörtern, die zuerst ausprobiert werden.
password-reason-store-word = Es besteht fast nur aus dem Namen dieses Shops.
password-reason-own-data = Es besteht fast nur aus Ihrem Namen, Ihrer Firma, Ihrer E-Mail-Adresse, Ihrer Telefon- oder Kundennummer.
password-reason-repeated = Es wiederholt immer dieselben Zeichen.
password-reason-sequence = Es ist eine Folge aus dem Alphabet, von Ziffern oder von benachbarten Tasten.
password-reason-too-easy = Es ist zu leicht zu erraten. Ergänzen Sie ein oder zwei Wörter, mit denen niemand rechnet.

## Anmeldung

login-title = Anmelden
login-intro = Willkommen zurück bei { $store }.
login-button = Anmelden
login-new = Neu hier?
login-register = Konto anlegen

## Passwort vergessen: das Formular, als Fenster und als Seite

forgot-title = Passwort vergessen?
forgot-intro = Nennen Sie uns die E-Mail-Adresse, die Sie bei { $store } verwenden. Wir senden Ihnen einen Link, über den Sie ein neues Passwort wählen.
forgot-button = Link per E-Mail senden
forgot-close = Schließen
forgot-offline = Wir konnten { $store } nicht erreichen. Ihre Eingaben sind noch da: Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.

## Die Prüfung, ob ein Mensch fragt

captcha-legend = Eine kurze Prüfung
captcha-box = Ich bin ein Mensch, kein Programm
captcha-working = Wird geprüft …
captcha-done = Geprüft. Vielen Dank.
captcha-failed = Die Prüfung wurde nicht fertig. Bitte setzen Sie das Häkchen noch einmal.
captcha-picture-alt = Ein Bild mit einigen Buchstaben und Ziffern. Eine gesprochene Fassung folgt direkt darunter.
captcha-sound = Nicht lesbar? Hören Sie stattdessen zu:
captcha-sound-label = Der Code, vorgelesen
captcha-sound-download = Tondatei herunterladen
captcha-code = Geben Sie den Code ein, den Sie sehen oder hören

## Die Antwort auf jede Anforderung

answer-title = Sehen Sie in Ihr Postfach
answer-lead = Wenn zu dieser Adresse ein Konto bei { $store } gehört, ist eine E-Mail mit einem Link unterwegs.
answer-where = Nach ein paar Minuten noch nichts da?
answer-where-spam = Sehen Sie im Spamordner und unter Werbung nach.
answer-where-other = Versuchen Sie es mit anderen Adressen, die Sie verwendet haben könnten.
answer-valid = { $minutes ->
    [one] Der Link funktioniert eine Minute lang, auf jedem Gerät.
   *[other] Der Link funktioniert { $minutes } Minuten lang, auf jedem Gerät.
 }
answer-reference = Ihr Kennzeichen
answer-reference-help = Lesen Sie es uns vor, wenn Sie anrufen: Dann sehen wir, was passiert ist.
answer-retry = { $seconds ->
    [one] In einer Sekunde können Sie erneut anfragen.
   *[other] In { $seconds } Sekunden können Sie erneut anfragen.
 }
# $clock zählt im Browser herunter, in Minuten und Sekunden: 0:47.
answer-retry-countdown = In { $clock } können Sie erneut anfragen.
answer-retry-now = Sie können jetzt erneut anfragen.
answer-again = Erneut anfragen

## Registrierung

register-title = Konto anlegen
register-intro = Ein Konto für alles, was Sie bei { $store } bestellen.
register-button = Konto anlegen
register-have = Sie haben schon ein Konto?
register-login = Anmelden
register-answer-title = Sehen Sie in Ihr Postfach
register-answer-lead = Eine E-Mail ist unterwegs an die Adresse, die Sie angegeben haben. Öffnen Sie den Link darin, um abzuschließen.
register-answer-have = Falls Sie schon ein Konto haben, steht das in der E-Mail, und sie hilft Ihnen bei der Anmeldung.

## Ein neues Passwort wählen

reset-title = Neues Passwort wählen
reset-intro = Für Ihr Konto bei { $store }.
reset-hint = Konto
reset-button = Speichern und anmelden
reset-ends = Mit dem Speichern werden Sie überall sonst abgemeldet.
reset-other-title = Hier ist jemand anders angemeldet
reset-other-who = In diesem Browser ist { $other } angemeldet.
reset-switch = Dieses Konto abmelden und fortfahren
reset-stay = Angemeldet bleiben und diese Seite verlassen

## Ein Link, der nicht funktioniert

dead-title = Dieser Link funktioniert nicht mehr
dead-text = Links funktionieren einmal und nur kurze Zeit. Fordern Sie hier einen neuen an; es dauert nur einen Augenblick.

## Die Startseite des Shops

home-title = Willkommen
home-greeting = Guten Tag, { $name }
home-in = Sie sind bei { $store } angemeldet.
home-out = Melden Sie sich an, um Ihr Konto bei { $store } zu sehen.
home-login = Anmelden
home-register = Konto anlegen
home-account = Ihr Konto

## Konto

account-title = Ihr Konto
account-name = Name
account-number = Kundennummer
account-email = E-Mail-Adresse
account-pending = Wir warten darauf, dass Sie { $email } bestätigen. Öffnen Sie den Link in der E-Mail, die wir dorthin gesendet haben; bis dahin gilt Ihre alte Adresse.
account-details = Ihre Daten
account-login = Anmeldung und Sicherheit
account-password-link = Passwort ändern
account-password-note = Dafür brauchen Sie Ihr aktuelles.
account-email-link = E-Mail-Adresse ändern
account-email-note = Zuerst senden wir einen Link an die neue Adresse.
account-sessions-link = Wo Sie angemeldet sind
account-sessions-note = Sehen Sie jedes Gerät und beenden Sie, was Sie nicht kennen.
account-logout = Abmelden

account-password-title = Passwort ändern
account-password-mailed = Ihr jetziges Passwort wurde Ihnen per E-Mail geschickt. Bitte wählen Sie jetzt ein neues.
account-password-button = Neues Passwort speichern

account-email-title = E-Mail-Adresse ändern
account-email-intro = Wir senden einen Link an die neue Adresse. Bis Sie ihn öffnen, ändert sich nichts.
account-email-new = Neue E-Mail-Adresse
account-email-button = Link senden

account-sessions-title = Wo Sie angemeldet sind
account-sessions-intro = Wenn Sie etwas davon nicht kennen, beenden Sie es und ändern Sie Ihr Passwort.
session-current = Dieses Gerät
session-started = Angemeldet
session-seen = Zuletzt benutzt
session-end = Beenden
session-end-label = Sitzung auf { $device } beenden
sessions-end-others = Alle anderen beenden
sessions-none = Sie sind nirgendwo sonst angemeldet.
