# Texts that pages and mails share.
moment = { $time }, { $day } { $month } { $year }
duration-seconds = { $n ->
    [one] one second
   *[other] { $n } seconds
}
duration-minutes = { $n ->
    [one] one minute
   *[other] { $n } minutes
}
duration-hours = { $n ->
    [one] one hour
   *[other] { $n } hours
}
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

## Login and captcha

login-failed = That email and password do not go together. Check both, or use the link below if you forgot the password.
login-wait = Too many tries in a row. Please wait { $wait } and try again. The link below works meanwhile.
email-invalid = Please enter one email address, like name@example.com.
name-invalid = Please enter your first and last name, without line breaks.
captcha-refused = Please do the check once more.
forgot-prompt = Forgot your password?
reset-refused-repeat = The two passwords are not the same.
reset-refused-temporary = The temporary password from our mail cannot become your password. Choose another one.
current-password-wrong = The current password is not right.
password-changed-notice = Your new password is saved. All other devices are logged out.
address-requested-notice = We sent a link to the new address. Nothing changes until you open it.

## Links from mails that ask before they act

stop-title = You did not ask for this?
stop-text = We make the link in that mail useless and send no further one for { $hold }. Your password stays as it is.
stop-button = Stop the link
stop-done-title = The link is stopped
stop-done-text = Nobody can use it, and no further one will be sent for { $hold }. Your password stays as it is.
freeze-title = You did not change your password?
freeze-text = We log out every device and close your account at { $store }, until you choose a new password by a link to this address.
freeze-button = Freeze my account
freeze-done-title = Your account is frozen
freeze-done-text = Every device is logged out and the password opens nothing. To open your account again, ask for a link and choose a new password. If somebody else may read your mail, change the password of your mailbox first.
undo-title = You did not change your email address?
undo-text = We bring back this address, log out every device and close your account at { $store }, until you choose a new password by a link to this address.
undo-button = Bring back my address
undo-done-title = Your address is back
ask-for-link = Ask for a link
confirm-address-title = Confirm your new email address
confirm-address-text = From then on you log in at { $store } with this address.
confirm-address-button = Confirm
confirm-address-done-title = Your new address is confirmed
confirm-address-done-text = From now on you log in at { $store } with it.
confirm-address-taken-title = This address is in use
confirm-address-taken-text = Another account at { $store } has it. Your old address stays in use.
confirm-registration-title = Confirm your email address
confirm-registration-text = One click, and your account at { $store } is ready.
confirm-registration-button = Confirm and log in

## Pages that only say something

bad-request-title = That did not work
bad-request-text = The form was not filled in as this page expects. Please go back, reload the page and try again.
forbidden-title = Please try that again
forbidden-text = The request did not come from this page, so nothing was changed. Please reload the page and try again.
not-allowed-title = You may not do that
not-allowed-text = Your role does not go so far. Ask an administrator of your store.
not-found-title = There is nothing here
not-found-text = The page may have moved. The front page is a good place to start.
method-title = That does not work this way
method-text = Please use the buttons on the page.
too-large-title = That was too much
too-large-text = The form is larger than this page accepts.
too-many-title = One moment, please
too-many-text = Too many requests came from your connection. Please try again in { $wait }.
busy-title = Very busy just now
busy-text = Nothing is lost. Please try again in a few seconds.
error-title = Something went wrong
error-text = It is our fault, not yours. Please try again; if it happens again, read this to us: { $request }.
link-front = Front page
link-login = Log in
