# Texts that pages and mails share.
moment = { $day } { $month } { $year }, { $time }
duration-seconds = { $n ->
    [one] une seconde
   *[other] { $n } secondes
}
duration-minutes = { $n ->
    [one] une minute
   *[other] { $n } minutes
}
duration-hours = { $n ->
    [one] une heure
   *[other] { $n } heures
}
month-1 = janvier
month-2 = février
month-3 = mars
month-4 = avril
month-5 = mai
month-6 = juin
month-7 = juillet
month-8 = août
month-9 = septembre
month-10 = octobre
month-11 = novembre
month-12 = décembre

## Connexion et vérification

login-failed = Cette adresse et ce mot de passe ne vont pas ensemble. Vérifiez les deux, ou utilisez le lien ci-dessous si vous avez oublié le mot de passe.
login-wait = Trop d’essais à la suite. Attendez { $wait } puis réessayez. Le lien ci-dessous fonctionne entre-temps.
email-invalid = Saisissez une seule adresse e-mail, par exemple nom@example.com.
name-invalid = Saisissez votre prénom et votre nom, sans saut de ligne.
captcha-refused = Veuillez refaire la vérification.
forgot-prompt = Mot de passe oublié ?
reset-refused-repeat = Les deux mots de passe ne sont pas identiques.
reset-refused-temporary = Le mot de passe temporaire de notre message ne peut pas devenir votre mot de passe. Choisissez-en un autre.
current-password-wrong = Le mot de passe actuel n’est pas le bon.
password-changed-notice = Votre nouveau mot de passe est enregistré. Tous les autres appareils sont déconnectés.
address-requested-notice = Nous avons envoyé un lien à la nouvelle adresse. Rien ne change avant que vous ne l’ouvriez.

## Liens d’e-mails qui demandent avant d’agir

stop-title = Ce n’est pas vous qui l’avez demandé ?
stop-text = Nous rendons inutilisable le lien de cet e-mail et n’en envoyons pas d’autre pendant { $hold }. Votre mot de passe ne change pas.
stop-button = Annuler le lien
stop-done-title = Le lien est annulé
stop-done-text = Personne ne peut l’utiliser et aucun autre ne sera envoyé pendant { $hold }. Votre mot de passe ne change pas.
freeze-title = Ce n’est pas vous qui avez changé votre mot de passe ?
freeze-text = Nous déconnectons tous les appareils et fermons votre compte chez { $store } jusqu’à ce que vous choisissiez un nouveau mot de passe par un lien envoyé à cette adresse.
freeze-button = Geler mon compte
freeze-done-title = Votre compte est gelé
freeze-done-text = Tous les appareils sont déconnectés et le mot de passe n’ouvre plus rien. Pour rouvrir votre compte, demandez un lien et choisissez un nouveau mot de passe. Si quelqu’un d’autre peut lire vos e-mails, changez d’abord le mot de passe de votre messagerie.
undo-title = Ce n’est pas vous qui avez changé votre adresse e-mail ?
undo-text = Nous rétablissons cette adresse, déconnectons tous les appareils et fermons votre compte chez { $store } jusqu’à ce que vous choisissiez un nouveau mot de passe par un lien envoyé à cette adresse.
undo-button = Rétablir mon adresse
undo-done-title = Votre adresse est rétablie
ask-for-link = Demander un lien
confirm-address-title = Confirmez votre nouvelle adresse e-mail
confirm-address-text = Ensuite, vous vous connecterez chez { $store } avec cette adresse.
confirm-address-button = Confirmer
confirm-address-done-title = Votre nouvelle adresse est confirmée
confirm-address-done-text = Vous vous connectez désormais chez { $store } avec elle.
confirm-address-taken-title = Cette adresse est déjà utilisée
confirm-address-taken-text = Un autre compte chez { $store } l’utilise. Votre ancienne adresse reste en usage.
confirm-registration-title = Confirmez votre adresse e-mail
confirm-registration-text = Un clic, et votre compte chez { $store } est prêt.
confirm-registration-button = Confirmer et se connecter

## Pages qui ne font qu’informer

bad-request-title = Cela n’a pas fonctionné
bad-request-text = Le formulaire n’est pas arrivé comme cette page l’attend. Revenez en arrière, rechargez la page et réessayez.
forbidden-title = Veuillez réessayer
forbidden-text = La requête ne venait pas de cette page, rien n’a donc été changé. Rechargez la page et réessayez.
not-allowed-title = Vous n’y êtes pas autorisé
not-allowed-text = Votre rôle ne le permet pas. Adressez-vous à un administrateur.
not-found-title = Il n’y a rien ici
not-found-text = La page a peut-être changé de place. La page d’accueil est un bon point de départ.
method-title = Cela ne marche pas ainsi
method-text = Utilisez les boutons de la page.
too-large-title = C’était trop
too-large-text = Le formulaire est plus grand que ce que cette page accepte.
too-many-title = Un instant, s’il vous plaît
too-many-text = Trop de requêtes sont venues de votre connexion. Réessayez dans { $wait }.
busy-title = Il y a foule en ce moment
busy-text = Rien n’est perdu. Réessayez dans quelques secondes.
error-title = Une erreur s’est produite
error-text = C’est notre faute, pas la vôtre. Réessayez ; si cela se reproduit, lisez-nous ceci : { $request }.
link-front = Page d’accueil
link-login = Se connecter
