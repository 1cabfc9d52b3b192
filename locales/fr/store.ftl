# Tous les textes des pages de la boutique. { $store } est le nom de la boutique.
# Les indications pour la traduction se trouvent dans en/store.ftl.

## Sur chaque page

skip-link = Aller au contenu
header-account = Session de { $name }
footer-note = { $store } ne vous demande jamais votre mot de passe par téléphone ni par e-mail.

## Champs communs à plusieurs pages

field-email = Adresse e-mail
field-password = Mot de passe
field-new-password = Nouveau mot de passe
field-repeat-password = Répétez le nouveau mot de passe
field-current-password = Mot de passe actuel
field-first-name = Prénom
field-last-name = Nom
password-show = Afficher le mot de passe
password-mismatch = Les deux mots de passe ne sont pas encore identiques.
password-refused = Choisissez un autre mot de passe
password-hint = Huit caractères ou plus. Quelques mots sans rapport entre eux font un bon mot de passe.
password-hint-min = { $min } caractères ou plus. Quelques mots sans rapport entre eux font un bon mot de passe.
meter-0 = Bien trop facile à deviner
meter-1 = Trop facile à deviner
meter-2 = Pourrait être plus sûr
meter-3 = Un bon mot de passe
meter-4 = Un excellent mot de passe
back-to-login = Retour à la connexion
link-account = Retour à votre compte
form-failed = Cela n’a pas fonctionné. Vérifiez les champs signalés.
# $suggestion est une adresse e-mail entière ; le navigateur l’insère.
email-suggestion = Vouliez-vous dire { $suggestion } ?

## Pourquoi un mot de passe est refusé

# $min est un nombre de caractères.
password-reason-too-short = Utilisez au moins { $min } caractères.
password-reason-too-long = C’est plus long que ce que nous pouvons conserver. Raccourcissez-le.
password-reason-common = C’est l’un des mots de passe que l’on essaie en premier.
password-reason-store-word = Ce n’est guère plus que le nom de cette boutique.
password-reason-own-data = Ce n’est guère plus que votre nom, votre société, votre adresse e-mail, votre téléphone ou votre numéro de client.
password-reason-repeated = Il répète toujours les mêmes caractères.
password-reason-sequence = C’est une suite de l’alphabet, de chiffres ou de touches voisines.
password-reason-too-easy = Il est trop facile à deviner. Ajoutez un ou deux mots auxquels personne ne s’attend.

## Connexion

login-title = Se connecter
login-intro = Bon retour chez { $store }.
login-button = Se connecter
login-new = Première visite ?
login-register = Créer un compte

## Mot de passe oublié : le formulaire, en fenêtre et en page

forgot-title = Mot de passe oublié ?
forgot-intro = Indiquez l’adresse e-mail que vous utilisez chez { $store }. Nous vous enverrons un lien pour choisir un nouveau mot de passe.
forgot-button = M’envoyer un lien
forgot-close = Fermer
forgot-offline = Nous n’avons pas pu joindre { $store }. Votre saisie est conservée : vérifiez votre connexion et réessayez.

## Vérifier que c’est une personne qui demande

captcha-legend = Une brève vérification
captcha-box = Je suis une personne, pas un programme
captcha-working = Vérification…
captcha-done = Vérifié. Merci.
captcha-failed = La vérification n’a pas abouti. Cochez de nouveau la case.
captcha-picture-alt = Une image avec quelques lettres et chiffres. Une version parlée se trouve juste en dessous.
captcha-sound = Illisible ? Écoutez plutôt :
captcha-sound-label = Le code, lu à voix haute
captcha-sound-download = Télécharger le son
captcha-code = Saisissez le code que vous voyez ou entendez

## La réponse à chaque demande

answer-title = Consultez votre messagerie
answer-lead = Si cette adresse a un compte chez { $store }, un e-mail avec un lien est en route.
answer-where = Toujours rien après quelques minutes ?
answer-where-spam = Regardez dans les indésirables et l’onglet Promotions.
answer-where-other = Essayez les autres adresses que vous avez pu utiliser.
answer-valid = { $minutes ->
    [one] Le lien fonctionne pendant une minute, sur tout appareil.
   *[other] Le lien fonctionne pendant { $minutes } minutes, sur tout appareil.
 }
answer-reference = Votre référence
answer-reference-help = Lisez-la-nous si vous appelez : nous verrons ce qui s’est passé.
answer-retry = { $seconds ->
    [one] Vous pourrez refaire une demande dans une seconde.
   *[other] Vous pourrez refaire une demande dans { $seconds } secondes.
 }
# $clock décompte dans le navigateur, en minutes et secondes : 0:47.
answer-retry-countdown = Vous pourrez refaire une demande dans { $clock }.
answer-retry-now = Vous pouvez refaire une demande maintenant.
answer-again = Refaire une demande

## Inscription

register-title = Créer un compte
register-intro = Un seul compte pour tout ce que vous commandez chez { $store }.
register-button = Créer le compte
register-have = Vous avez déjà un compte ?
register-login = Se connecter
register-answer-title = Consultez votre messagerie
register-answer-lead = Un e-mail est en route vers l’adresse que vous avez indiquée. Ouvrez le lien qu’il contient pour terminer.
register-answer-have = Si vous avez déjà un compte, l’e-mail vous le dit et vous aide à vous connecter.

## Choisir un nouveau mot de passe

reset-title = Choisissez un nouveau mot de passe
reset-intro = Pour votre compte chez { $store }.
reset-hint = Compte
reset-button = Enregistrer et se connecter
reset-ends = L’enregistrement vous déconnecte partout ailleurs.
reset-other-title = Une autre session est ouverte ici
reset-other-who = Dans ce navigateur, la session de { $other } est ouverte.
reset-switch = Fermer cette session et continuer
reset-stay = La garder et quitter cette page

## Un lien qui ne fonctionne pas

dead-title = Ce lien ne fonctionne plus
dead-text = Un lien ne sert qu’une fois et pour peu de temps. Demandez-en un nouveau ici, cela ne prend qu’un instant.

## La page d’accueil de la boutique

home-title = Bienvenue
home-greeting = Bonjour, { $name }
home-in = Votre session chez { $store } est ouverte.
home-out = Connectez-vous pour voir votre compte chez { $store }.
home-login = Se connecter
home-register = Créer un compte
home-account = Votre compte

## Compte

account-title = Votre compte
account-name = Nom
account-number = Numéro de client
account-email = Adresse e-mail
account-pending = En attente de confirmation pour { $email }. Ouvrez le lien de l’e-mail que nous y avons envoyé ; d’ici là, votre ancienne adresse reste en usage.
account-details = Vos coordonnées
account-login = Connexion et sécurité
account-password-link = Changer le mot de passe
account-password-note = Il vous faudra l’actuel.
account-email-link = Changer l’adresse e-mail
account-email-note = Nous envoyons d’abord un lien à la nouvelle adresse.
account-sessions-link = Vos sessions ouvertes
account-sessions-note = Voyez chaque appareil et fermez ce que vous ne connaissez pas.
account-logout = Se déconnecter

account-password-title = Changer le mot de passe
account-password-mailed = Votre mot de passe actuel vous a été envoyé par e-mail. Choisissez-en un nouveau maintenant.
account-password-button = Enregistrer le mot de passe

account-email-title = Changer l’adresse e-mail
account-email-intro = Nous envoyons un lien à la nouvelle adresse. Rien ne change avant que vous ne l’ouvriez.
account-email-new = Nouvelle adresse e-mail
account-email-button = Envoyer le lien

account-sessions-title = Vos sessions ouvertes
account-sessions-intro = Si vous ne reconnaissez pas l’une d’elles, fermez-la et changez votre mot de passe.
session-current = Cet appareil
session-started = Connexion
session-seen = Dernière utilisation
session-end = Fermer
session-end-label = Fermer la session sur { $device }
sessions-end-others = Fermer toutes les autres
sessions-none = Aucune autre session n’est ouverte.
