# Every word of the mails. { $store } is the store's name, the only stored text that a mail contains.
#
# Keys are grouped by mail; each -subject is the subject and the heading. A link follows, alone on a
# line of its own, where a text ends in a colon.
# Translators: plain and calm; no exclamation marks, nothing that presses the reader. English stays
# in ASCII here, so that its mails need no transfer encoding.

## In every mail

mail-hello = Hello,
mail-copy = If the button does not work, copy this address into your browser:
mail-footer = This mail was sent automatically by { $store }, which never asks for your password by phone or email.

## recovery: the link to choose a new password

recovery-subject = Choose a new password
recovery-intro = A new password was requested for your account at { $store }.
recovery-open = Open this link to choose it:
recovery-button = Choose a new password
recovery-minutes = { $minutes ->
    [one] The link works for one minute.
   *[other] The link works for { $minutes } minutes.
}
recovery-expires = It expires at { $expires }.
recovery-not-you = Was it not you? Nothing has changed, and you can ignore this mail. This link cancels the request and holds back further mails for a day:
recovery-reference = If you call us about this mail, please give this reference:

## password_changed: the notice after a new password was set

password-changed-subject = Your password was changed
password-changed-intro = The password of your account at { $store } was changed.
password-changed-at = When: { $at }
password-changed-device = Device: { $device }
password-changed-you = If it was you, there is nothing to do.
password-changed-not-you = If it was not you, lock your account with this link, so that nobody can use it:
password-changed-button = This was not me

## address_confirm: to a new address

address-confirm-subject = Confirm your new email address
address-confirm-intro = This address was given as the new email address of an account at { $store }.
address-confirm-intro-staff = A member of staff of { $store } entered this address as the new email address of an account.
address-confirm-open = Open this link to confirm it:
address-confirm-button = Confirm this address
address-confirm-expires = The link works until { $expires }.
address-confirm-not-you = If you know nothing about this, ignore this mail. Without your confirmation the address will not be used.

## address_notice: to the old address

address-notice-subject = Your email address is about to change
address-notice-intro = Someone asked to change the email address of your account at { $store } to:
address-notice-intro-staff = A member of staff of { $store } asked to change the email address of your account to:
address-notice-you = If it was you, please open the link in the mail that we sent to the new address.
address-notice-you-staff = If you asked for this, please open the link in the mail that was sent to the new address.
address-notice-not-you = If it was not you, this link keeps your address as it is and logs out every device:
address-notice-not-you-staff = If you did not ask for this, this link keeps your address as it is and logs out every device:
address-notice-button = Keep my address

## registration: to whoever registered

registration-subject = Confirm your email address
registration-intro = Welcome to { $store }. One step is left before you have an account.
registration-open = Open this link to confirm that this address is yours:
registration-button = Confirm this address
registration-expires = The link works until { $expires }.
registration-not-you = If you did not register, ignore this mail. Without your confirmation there will be no account.

## registration_exists: someone registered with an address that already has an account

registration-exists-subject = You already have an account
registration-exists-intro = Someone tried to register at { $store } with this address. It already has an account, so no new one was made.
registration-exists-login = If it was you, log in here:
registration-exists-button = Log in
registration-exists-forgot = If you have forgotten your password, choose a new one here:
registration-exists-not-you = If it was not you, there is nothing to do. Nothing has changed, and the other person was not told about your account.

## reminder: what staff send, in three forms

reminder-staff = The staff of { $store } sent you this mail because you asked them for help, or somebody who gave your name.
reminder-not-you = Did you not ask for help? This link makes what is in this mail useless, tells the staff, and holds back further mails for a day:
reminder-temporary-subject = Your temporary password
reminder-temporary-intro = With this temporary password you can choose a new password:
reminder-temporary-login = Enter it on the login page, together with your email address:
reminder-temporary-button = Go to the login page
reminder-temporary-minutes = { $minutes ->
    [one] It works once, within one minute.
   *[other] It works once, within { $minutes } minutes.
}
reminder-temporary-opens = It opens nothing but the page where you choose a new password. Until then your own password keeps working.
reminder-current-subject = Your password
reminder-current-intro = This is the password of your account at { $store }:
reminder-current-login = You can log in with it here:
reminder-current-change = Whoever reads this mail can read your password. Please choose a new one when you have logged in.
reminder-current-not-you = Did you not ask for help? This link tells the staff and holds back further mails for a day; then please choose a new password:
