# Alle Texte der Mails. { $store } ist der Name des Shops.
# Hinweise für Übersetzungen stehen in en/mail.ftl.

## In jeder Mail

mail-hello = Guten Tag,
mail-copy = Falls die Schaltfläche nicht funktioniert, kopieren Sie diese Adresse in Ihren Browser:
mail-footer = Diese Mail wurde automatisch von { $store } verschickt. Wir fragen Sie nie am Telefon oder per E-Mail nach Ihrem Passwort.

## recovery

recovery-subject = Neues Passwort wählen
recovery-intro = Für Ihr Konto bei { $store } wurde ein neues Passwort angefordert.
recovery-open = Über diesen Link können Sie es wählen:
recovery-button = Neues Passwort wählen
recovery-minutes = { $minutes ->
    [one] Der Link funktioniert eine Minute lang.
   *[other] Der Link funktioniert { $minutes } Minuten lang.
}
recovery-expires = Er ist gültig bis { $expires }.
recovery-not-you = Sie waren das nicht? Es hat sich nichts geändert, und Sie können diese Mail ignorieren. Dieser Link bricht die Anforderung ab und hält weitere Mails einen Tag lang zurück:
recovery-reference = Wenn Sie uns zu dieser Mail anrufen, nennen Sie bitte dieses Kennzeichen:

## password_changed

password-changed-subject = Ihr Passwort wurde geändert
password-changed-intro = Das Passwort Ihres Kontos bei { $store } wurde geändert.
password-changed-at = Zeitpunkt: { $at }
password-changed-device = Gerät: { $device }
password-changed-you = Wenn Sie das waren, müssen Sie nichts weiter tun.
password-changed-not-you = Wenn Sie das nicht waren, sperren Sie Ihr Konto über diesen Link, damit niemand es benutzen kann:
password-changed-button = Das war ich nicht

## address_confirm

address-confirm-subject = Bestätigen Sie Ihre neue E-Mail-Adresse
address-confirm-intro = Diese Adresse wurde als neue E-Mail-Adresse eines Kontos bei { $store } angegeben.
address-confirm-intro-staff = Jemand vom Team von { $store } hat diese Adresse als neue E-Mail-Adresse eines Kontos eingetragen.
address-confirm-open = Über diesen Link bestätigen Sie sie:
address-confirm-button = Adresse bestätigen
address-confirm-expires = Der Link ist gültig bis { $expires }.
address-confirm-not-you = Wenn Sie davon nichts wissen, ignorieren Sie diese Mail. Ohne Ihre Bestätigung wird die Adresse nicht verwendet.

## address_notice

address-notice-subject = Ihre E-Mail-Adresse soll geändert werden
address-notice-intro = Die E-Mail-Adresse Ihres Kontos bei { $store } soll geändert werden in:
address-notice-intro-staff = Jemand vom Team von { $store } möchte die E-Mail-Adresse Ihres Kontos ändern in:
address-notice-you = Wenn Sie das waren, öffnen Sie bitte den Link in der Mail, die wir an die neue Adresse geschickt haben.
address-notice-you-staff = Wenn Sie darum gebeten haben, öffnen Sie bitte den Link in der Mail, die an die neue Adresse ging.
address-notice-not-you = Wenn Sie das nicht waren: Über diesen Link behalten Sie Ihre Adresse, und alle Geräte werden abgemeldet:
address-notice-not-you-staff = Wenn Sie nicht darum gebeten haben: Über diesen Link behalten Sie Ihre Adresse, und alle Geräte werden abgemeldet:
address-notice-button = Adresse behalten

## registration

registration-subject = Bestätigen Sie Ihre E-Mail-Adresse
registration-intro = Willkommen bei { $store }. Bis zu Ihrem Konto fehlt nur noch ein Schritt.
registration-open = Bestätigen Sie über diesen Link, dass diese Adresse Ihnen gehört:
registration-button = Adresse bestätigen
registration-expires = Der Link ist gültig bis { $expires }.
registration-not-you = Wenn Sie sich nicht registriert haben, ignorieren Sie diese Mail. Ohne Ihre Bestätigung entsteht kein Konto.

## registration_exists

registration-exists-subject = Sie haben bereits ein Konto
registration-exists-intro = Jemand wollte sich mit dieser Adresse bei { $store } registrieren. Zu ihr gibt es bereits ein Konto, deshalb wurde kein neues angelegt.
registration-exists-login = Wenn Sie das waren, melden Sie sich hier an:
registration-exists-button = Anmelden
registration-exists-forgot = Wenn Sie Ihr Passwort vergessen haben, wählen Sie hier ein neues:
registration-exists-not-you = Wenn Sie das nicht waren, müssen Sie nichts tun. Es hat sich nichts geändert, und die andere Person hat nichts von Ihrem Konto erfahren.

## reminder

reminder-staff = Das Team von { $store } hat Ihnen diese Mail geschickt, weil Sie um Hilfe gebeten haben oder jemand, der Ihren Namen genannt hat.
reminder-not-you = Sie haben nicht um Hilfe gebeten? Dieser Link macht unbrauchbar, was in dieser Mail steht, gibt dem Team Bescheid und hält weitere Mails einen Tag lang zurück:
reminder-temporary-subject = Ihr vorläufiges Passwort
reminder-temporary-intro = Mit diesem vorläufigen Passwort können Sie ein neues Passwort wählen:
reminder-temporary-login = Geben Sie es zusammen mit Ihrer E-Mail-Adresse auf der Anmeldeseite ein:
reminder-temporary-button = Zur Anmeldeseite
reminder-temporary-minutes = { $minutes ->
    [one] Es funktioniert einmal, innerhalb einer Minute.
   *[other] Es funktioniert einmal, innerhalb von { $minutes } Minuten.
}
reminder-temporary-opens = Es öffnet nur die Seite, auf der Sie ein neues Passwort wählen. Bis dahin gilt Ihr eigenes Passwort weiter.
reminder-current-subject = Ihr Passwort
reminder-current-intro = Das ist das Passwort Ihres Kontos bei { $store }:
reminder-current-login = Hier können Sie sich damit anmelden:
reminder-current-change = Wer diese Mail liest, kann Ihr Passwort lesen. Bitte wählen Sie nach der Anmeldung ein neues.
reminder-current-not-you = Sie haben nicht um Hilfe gebeten? Dieser Link gibt dem Team Bescheid und hält weitere Mails einen Tag lang zurück; wählen Sie danach bitte ein neues Passwort:
