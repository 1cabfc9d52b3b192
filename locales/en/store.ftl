# Every word a customer reads on the storefront pages.
#
# Keys are grouped by page; a key that ends in -title is both the heading and
# the first half of the document title. { $store } is the store's name.
# Translators: write to one person, plainly and calmly; never say whether an
# address has an account.

## On every page

skip-link = Skip to content
header-account = Logged in as { $name }
footer-note = { $store } never asks for your password by phone or email.

## Fields that several pages share

field-email = Email
field-password = Password
field-new-password = New password
field-repeat-password = Repeat the new password
field-current-password = Current password
field-first-name = First name
field-last-name = Last name
password-show = Show password
password-mismatch = The two passwords are not the same yet.
password-refused = Please choose another password
password-hint = Eight characters or more. A few unrelated words make a good one.
password-hint-min = { $min } characters or more. A few unrelated words make a good one.
meter-0 = Far too easy to guess
meter-1 = Too easy to guess
meter-2 = Could be stronger
meter-3 = A good password
meter-4 = An excellent password
back-to-login = Back to login
link-account = Back to your account
form-failed = That did not work. Please look at the marked fields.
# $suggestion is a whole email address; it is filled in by the browser.
email-suggestion = Did you mean { $suggestion }?

## Why a password is refused

# $min is a number of characters.
password-reason-too-short = Use at least { $min } characters.
password-reason-too-long = That is longer than we can keep. Please shorten it.
password-reason-common = It is one of the passwords that are tried first.
password-reason-store-word = It is little more than the name of this store.
password-reason-own-data = It is little more than your own name, company, email, phone or customer number.
password-reason-repeated = It repeats the same few characters.
password-reason-sequence = It is a run of the alphabet, of digits or of keys side by side.
password-reason-too-easy = It is too easy to guess. Add a word or two that nobody would expect.

## Login

login-title = Log in
login-intro = Welcome back to { $store }.
login-button = Log in
login-new = New here?
login-register = Create an account

## Forgotten password: the form, in the popup and as a page

forgot-title = Forgot your password?
forgot-intro = Tell us the email address you use at { $store }. We’ll send you a link to choose a new password.
forgot-button = Email me a link
forgot-close = Close
forgot-offline = We could not reach { $store }. What you typed is still here: check your connection and try again.

## Checking that a person is asking

captcha-legend = A quick check
captcha-box = I’m a person, not a program
captcha-working = Checking…
captcha-done = Checked. Thank you.
captcha-failed = The check did not finish. Please tick the box again.
captcha-picture-alt = A picture of a few letters and digits. A spoken version is just below.
captcha-sound = Can’t read it? Listen instead:
captcha-sound-label = The code, spoken
captcha-sound-download = Download the sound
captcha-code = Type the code you see or hear

## The answer to every request

answer-title = Check your inbox
answer-lead = If that address has an account at { $store }, an email with a link is on its way.
answer-where = Nothing there after a few minutes?
answer-where-spam = Look in spam, junk and the promotions tab.
answer-where-other = Try the other addresses you may have used.
answer-valid = { $minutes ->
    [one] The link works for one minute, on any device.
   *[other] The link works for { $minutes } minutes, on any device.
 }
answer-reference = Your reference
answer-reference-help = Read it to us if you call, and we can see what happened.
answer-retry = { $seconds ->
    [one] You can ask again in one second.
   *[other] You can ask again in { $seconds } seconds.
 }
# $clock counts down in the browser, as minutes and seconds: 0:47.
answer-retry-countdown = You can ask again in { $clock }.
answer-retry-now = You can ask again now.
answer-again = Ask again

## Registering

register-title = Create an account
register-intro = One account for everything you order at { $store }.
register-button = Create account
register-have = Already have an account?
register-login = Log in
register-answer-title = Check your inbox
register-answer-lead = An email is on its way to the address you gave. Open the link in it to finish.
register-answer-have = If you already have an account, the email says so and helps you log in.

## Choosing a new password

reset-title = Choose a new password
reset-intro = For your account at { $store }.
reset-hint = Account
reset-button = Save and log in
reset-ends = Saving logs you out everywhere else.
reset-other-title = Someone else is logged in here
reset-other-who = This browser is logged in as { $other }.
reset-switch = Log that customer out and continue
reset-stay = Stay logged in and leave this page

## A link that does not work

dead-title = This link does not work any more
dead-text = Links work once and for a short time. Ask for a new one here; it takes a moment.

## The store's front page

home-title = Welcome
home-greeting = Hello, { $name }
home-in = You are logged in to { $store }.
home-out = Log in to see your account at { $store }.
home-login = Log in
home-register = Create an account
home-account = Your account

## Account

account-title = Your account
account-name = Name
account-number = Customer number
account-email = Email
account-pending = Waiting for you to confirm { $email }. Open the link in the email we sent there; until then your old address stays in use.
account-details = Your details
account-login = Login and security
account-password-link = Change password
account-password-note = You will need your current one.
account-email-link = Change email
account-email-note = We send a link to the new address first.
account-sessions-link = Where you are logged in
account-sessions-note = See each device and end what you do not know.
account-logout = Log out

account-password-title = Change password
account-password-mailed = Your current password was sent to you by mail. Please choose a new one now.
account-password-button = Save new password

account-email-title = Change email
account-email-intro = We send a link to the new address. Nothing changes until you open it.
account-email-new = New email
account-email-button = Send the link

account-sessions-title = Where you are logged in
account-sessions-intro = If you do not know one of these, end it and change your password.
session-current = This device
session-started = Logged in
session-seen = Last used
session-end = End
session-end-label = End the session on { $device }
sessions-end-others = End all others
sessions-none = You are not logged in anywhere else.
