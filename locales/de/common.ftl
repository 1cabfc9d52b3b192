# Texts that pages and mails share.
moment = { $day }. { $month } { $year }, { $time }
duration-seconds = { $n ->
    [one] eine Sekunde
   *[other] { $n } Sekunden
}
duration-minutes = { $n ->
    [one] eine Minute
   *[other] { $n } Minuten
}
duration-hours = { $n ->
    [one] eine Stunde
   *[other] { $n } Stunden
}
month-1 = Januar
month-2 = Februar
month-3 = März
month-4 = April
month-5 = Mai
month-6 = Juni
month-7 = Juli
month-8 = August
month-9 = September
month-10 = Oktober
month-11 = November
month-12 = Dezember

## Anmeldung und Prüfung

login-failed = E-Mail-Adresse und Passwort passen nicht zusammen. Prüfen Sie beide, oder nutzen Sie den Link unten, wenn Sie das Passwort vergessen haben.
login-wait = Zu viele Versuche nacheinander. Bitte warten Sie { $wait } und versuchen Sie es dann erneut. Der Link unten funktioniert inzwischen.
email-invalid = Bitte geben Sie eine einzelne E-Mail-Adresse ein, etwa name@example.com.
name-invalid = Bitte geben Sie Vor- und Nachnamen ein, ohne Zeilenumbrüche.
captcha-refused = Bitte machen Sie die Prüfung noch einmal.
forgot-prompt = Passwort vergessen?
reset-refused-repeat = Die beiden Passwörter sind nicht gleich.
reset-refused-temporary = Das vorläufige Passwort aus unserer Mail kann nicht Ihr Passwort werden. Wählen Sie ein anderes.
current-password-wrong = Das aktuelle Passwort stimmt nicht.
password-changed-notice = Ihr neues Passwort ist gespeichert. Alle anderen Geräte sind abgemeldet.
address-requested-notice = Wir haben einen Link an die neue Adresse geschickt. Bis Sie ihn öffnen, ändert sich nichts.

## Links aus E-Mails, die erst fragen

stop-title = Sie haben das nicht angefordert?
stop-text = Wir machen den Link in dieser E-Mail unbrauchbar und senden { $hold } lang keinen weiteren. Ihr Passwort bleibt, wie es ist.
stop-button = Link stoppen
stop-done-title = Der Link ist gestoppt
stop-done-text = Niemand kann ihn mehr benutzen, und { $hold } lang wird kein weiterer gesendet. Ihr Passwort bleibt, wie es ist.
freeze-title = Sie haben Ihr Passwort nicht geändert?
freeze-text = Wir melden alle Geräte ab und schließen Ihr Konto bei { $store }, bis Sie über einen Link an diese Adresse ein neues Passwort wählen.
freeze-button = Mein Konto einfrieren
freeze-done-title = Ihr Konto ist eingefroren
freeze-done-text = Alle Geräte sind abgemeldet, und das Passwort öffnet nichts mehr. Um Ihr Konto wieder zu öffnen, fordern Sie einen Link an und wählen ein neues Passwort. Falls jemand anders Ihre E-Mails lesen kann, ändern Sie zuerst das Passwort Ihres Postfachs.
undo-title = Sie haben Ihre E-Mail-Adresse nicht geändert?
undo-text = Wir setzen diese Adresse wieder ein, melden alle Geräte ab und schließen Ihr Konto bei { $store }, bis Sie über einen Link an diese Adresse ein neues Passwort wählen.
undo-button = Meine Adresse wiederherstellen
undo-done-title = Ihre Adresse ist wieder da
ask-for-link = Link anfordern
confirm-address-title = Neue E-Mail-Adresse bestätigen
confirm-address-text = Danach melden Sie sich bei { $store } mit dieser Adresse an.
confirm-address-button = Bestätigen
confirm-address-done-title = Ihre neue Adresse ist bestätigt
confirm-address-done-text = Ab jetzt melden Sie sich bei { $store } damit an.
confirm-address-taken-title = Diese Adresse ist vergeben
confirm-address-taken-text = Ein anderes Konto bei { $store } hat sie. Ihre alte Adresse bleibt in Gebrauch.
confirm-registration-title = E-Mail-Adresse bestätigen
confirm-registration-text = Ein Klick, und Ihr Konto bei { $store } ist bereit.
confirm-registration-button = Bestätigen und anmelden

## Seiten, die nur etwas sagen

bad-request-title = Das hat nicht geklappt
bad-request-text = Das Formular war nicht so ausgefüllt, wie diese Seite es erwartet. Bitte gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.
forbidden-title = Bitte versuchen Sie es noch einmal
forbidden-text = Die Anfrage kam nicht von dieser Seite, deshalb wurde nichts geändert. Bitte laden Sie die Seite neu und versuchen Sie es noch einmal.
not-allowed-title = Das ist Ihnen nicht erlaubt
not-allowed-text = Ihre Rolle reicht dafür nicht aus. Bitte fragen Sie einen Administrator.
not-found-title = Hier ist nichts
not-found-text = Vielleicht ist die Seite umgezogen. Die Startseite ist ein guter Anfang.
method-title = So geht das nicht
method-text = Bitte benutzen Sie die Knöpfe auf der Seite.
too-large-title = Das war zu viel
too-large-text = Das Formular ist größer, als diese Seite annimmt.
too-many-title = Einen Moment, bitte
too-many-text = Von Ihrem Anschluss kamen zu viele Anfragen. Bitte versuchen Sie es in { $wait } noch einmal.
busy-title = Gerade ist viel los
busy-text = Es ist nichts verloren. Bitte versuchen Sie es in ein paar Sekunden noch einmal.
error-title = Da ist etwas schiefgegangen
error-text = Es liegt an uns, nicht an Ihnen. Bitte versuchen Sie es noch einmal; wenn es wieder passiert, lesen Sie uns dies vor: { $request }.
link-front = Startseite
link-login = Anmelden
