# Tous les textes des courriels. { $store } est le nom de la boutique.
# Les indications pour la traduction se trouvent dans en/mail.ftl.

## Dans chaque courriel

mail-hello = Bonjour,
mail-copy = Si le bouton ne fonctionne pas, copiez cette adresse dans votre navigateur :
mail-footer = Ce message a été envoyé automatiquement par { $store }. Nous ne vous demanderons jamais votre mot de passe par téléphone ni par e-mail.

## recovery

recovery-subject = Choisissez un nouveau mot de passe
recovery-intro = Un nouveau mot de passe a été demandé pour votre compte chez { $store }.
recovery-open = Ouvrez ce lien pour le choisir :
recovery-button = Choisir un nouveau mot de passe
recovery-minutes = { $minutes ->
    [one] Le lien fonctionne pendant une minute.
   *[other] Le lien fonctionne pendant { $minutes } minutes.
}
recovery-expires = Il est valable jusqu’au { $expires }.
recovery-not-you = Ce n’était pas vous ? Rien n’a changé et vous pouvez ignorer ce message. Ce lien annule la demande et suspend tout autre envoi pendant un jour :
recovery-reference = Si vous nous appelez au sujet de ce message, indiquez-nous cette référence :

## password_changed

password-changed-subject = Votre mot de passe a été modifié
password-changed-intro = Le mot de passe de votre compte chez { $store } a été modifié.
password-changed-at = Quand : { $at }
password-changed-device = Appareil : { $device }
password-changed-you = Si c’était vous, vous n’avez rien à faire.
password-changed-not-you = Si ce n’était pas vous, bloquez votre compte avec ce lien pour que personne ne puisse l’utiliser :
password-changed-button = Ce n’était pas moi

## address_confirm

address-confirm-subject = Confirmez votre nouvelle adresse e-mail
address-confirm-intro = Cette adresse a été indiquée comme nouvelle adresse e-mail d’un compte chez { $store }.
address-confirm-intro-staff = Une personne de l’équipe de { $store } a indiqué cette adresse comme nouvelle adresse e-mail d’un compte.
address-confirm-open = Ouvrez ce lien pour la confirmer :
address-confirm-button = Confirmer cette adresse
address-confirm-expires = Le lien est valable jusqu’au { $expires }.
address-confirm-not-you = Si vous ne savez pas de quoi il s’agit, ignorez ce message. Sans votre confirmation, l’adresse ne sera pas utilisée.

## address_notice

address-notice-subject = Votre adresse e-mail va changer
address-notice-intro = Quelqu’un a demandé à remplacer l’adresse e-mail de votre compte chez { $store } par :
address-notice-intro-staff = Une personne de l’équipe de { $store } a demandé à remplacer l’adresse e-mail de votre compte par :
address-notice-you = Si c’était vous, ouvrez le lien du message que nous avons envoyé à la nouvelle adresse.
address-notice-you-staff = Si vous l’avez demandé, ouvrez le lien du message envoyé à la nouvelle adresse.
address-notice-not-you = Si ce n’était pas vous, ce lien conserve votre adresse et déconnecte tous les appareils :
address-notice-not-you-staff = Si vous ne l’avez pas demandé, ce lien conserve votre adresse et déconnecte tous les appareils :
address-notice-button = Conserver mon adresse

## registration

registration-subject = Confirmez votre adresse e-mail
registration-intro = Bienvenue chez { $store }. Il ne reste qu’une étape avant d’avoir votre compte.
registration-open = Ouvrez ce lien pour confirmer que cette adresse est la vôtre :
registration-button = Confirmer cette adresse
registration-expires = Le lien est valable jusqu’au { $expires }.
registration-not-you = Si cette inscription ne vient pas de vous, ignorez ce message. Sans votre confirmation, aucun compte ne sera créé.

## registration_exists

registration-exists-subject = Vous avez déjà un compte
registration-exists-intro = Quelqu’un a essayé de s’inscrire chez { $store } avec cette adresse. Un compte existe déjà à cette adresse ; aucun autre n’a donc été créé.
registration-exists-login = Si c’était vous, connectez-vous ici :
registration-exists-button = Se connecter
registration-exists-forgot = Si vous avez oublié votre mot de passe, choisissez-en un nouveau ici :
registration-exists-not-you = Si ce n’était pas vous, vous n’avez rien à faire. Rien n’a changé et l’autre personne n’a rien appris sur votre compte.

## reminder

reminder-staff = L’équipe de { $store } vous a envoyé ce message parce que vous avez demandé de l’aide, ou quelqu’un qui a donné votre nom.
reminder-not-you = Vous n’avez pas demandé d’aide ? Ce lien rend inutilisable ce que contient ce message, prévient l’équipe et suspend tout autre envoi pendant un jour :
reminder-temporary-subject = Votre mot de passe temporaire
reminder-temporary-intro = Avec ce mot de passe temporaire, vous pouvez choisir un nouveau mot de passe :
reminder-temporary-login = Saisissez-le sur la page de connexion, avec votre adresse e-mail :
reminder-temporary-button = Aller à la page de connexion
reminder-temporary-minutes = { $minutes ->
    [one] Il fonctionne une seule fois, pendant une minute.
   *[other] Il fonctionne une seule fois, pendant { $minutes } minutes.
}
reminder-temporary-opens = Il n’ouvre que la page où l’on choisit un nouveau mot de passe. D’ici là, votre propre mot de passe reste valable.
reminder-current-subject = Votre mot de passe
reminder-current-intro = Voici le mot de passe de votre compte chez { $store } :
reminder-current-login = Vous pouvez vous connecter ici :
reminder-current-change = Quiconque lit ce message peut lire votre mot de passe. Choisissez-en un nouveau une fois connecté.
reminder-current-not-you = Vous n’avez pas demandé d’aide ? Ce lien prévient l’équipe et suspend tout autre envoi pendant un jour ; choisissez ensuite un nouveau mot de passe :
