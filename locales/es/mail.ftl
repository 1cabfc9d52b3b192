# Todos los textos de los correos. { $store } es el nombre de la tienda.
# Las indicaciones para traductores están en en/mail.ftl.

## En todos los correos

mail-hello = Hola:
mail-copy = Si el botón no funciona, copie esta dirección en su navegador:
mail-footer = { $store } ha enviado este correo de forma automática. Nunca le pediremos su contraseña por teléfono ni por correo electrónico.

## recovery

recovery-subject = Elija una nueva contraseña
recovery-intro = Se ha solicitado una nueva contraseña para su cuenta en { $store }.
recovery-open = Abra este enlace para elegirla:
recovery-button = Elegir una nueva contraseña
recovery-minutes = { $minutes ->
    [one] El enlace funciona durante un minuto.
   *[other] El enlace funciona durante { $minutes } minutos.
}
recovery-expires = Válido hasta: { $expires }.
recovery-not-you = ¿No ha sido usted? No ha cambiado nada y puede ignorar este correo. Este enlace anula la solicitud y detiene otros correos durante un día:
recovery-reference = Si nos llama por este correo, indíquenos esta referencia:

## password_changed

password-changed-subject = Su contraseña ha cambiado
password-changed-intro = Se ha cambiado la contraseña de su cuenta en { $store }.
password-changed-at = Cuándo: { $at }
password-changed-device = Dispositivo: { $device }
password-changed-you = Si ha sido usted, no tiene que hacer nada.
password-changed-not-you = Si no ha sido usted, bloquee su cuenta con este enlace para que nadie pueda usarla:
password-changed-button = No he sido yo

## address_confirm

address-confirm-subject = Confirme su nueva dirección de correo
address-confirm-intro = Esta dirección se ha indicado como nueva dirección de correo de una cuenta en { $store }.
address-confirm-intro-staff = Una persona del equipo de { $store } ha indicado esta dirección como nueva dirección de correo de una cuenta.
address-confirm-open = Abra este enlace para confirmarla:
address-confirm-button = Confirmar esta dirección
address-confirm-expires = Enlace válido hasta: { $expires }.
address-confirm-not-you = Si no sabe de qué se trata, ignore este correo. Sin su confirmación, la dirección no se utilizará.

## address_notice

address-notice-subject = Su dirección de correo va a cambiar
address-notice-intro = Se ha solicitado cambiar la dirección de correo de su cuenta en { $store } por esta:
address-notice-intro-staff = Una persona del equipo de { $store } ha pedido cambiar la dirección de correo de su cuenta a:
address-notice-you = Si ha sido usted, abra el enlace del correo que hemos enviado a la nueva dirección.
address-notice-you-staff = Si usted lo pidió, abra el enlace del correo que se envió a la nueva dirección.
address-notice-not-you = Si no ha sido usted, con este enlace conserva su dirección y se cierra la sesión en todos los dispositivos:
address-notice-not-you-staff = Si usted no lo pidió, con este enlace conserva su dirección y se cierra la sesión en todos los dispositivos:
address-notice-button = Conservar mi dirección

## registration

registration-subject = Confirme su dirección de correo
registration-intro = Le damos la bienvenida a { $store }. Solo falta un paso para tener su cuenta.
registration-open = Abra este enlace para confirmar que esta dirección es suya:
registration-button = Confirmar esta dirección
registration-expires = Enlace válido hasta: { $expires }.
registration-not-you = Si no se ha registrado, ignore este correo. Sin su confirmación no se creará ninguna cuenta.

## registration_exists

registration-exists-subject = Ya tiene una cuenta
registration-exists-intro = Alguien ha intentado registrarse en { $store } con esta dirección. Ya existe una cuenta con ella, por lo que no se ha creado otra.
registration-exists-login = Si ha sido usted, inicie sesión aquí:
registration-exists-button = Iniciar sesión
registration-exists-forgot = Si ha olvidado su contraseña, elija una nueva aquí:
registration-exists-not-you = Si no ha sido usted, no tiene que hacer nada. No ha cambiado nada y la otra persona no ha sabido de su cuenta.

## reminder

reminder-staff = El equipo de { $store } le ha enviado este mensaje porque usted pidió ayuda, o alguien que dio su nombre.
reminder-not-you = ¿No pidió ayuda? Este enlace inutiliza lo que contiene este mensaje, avisa al equipo y detiene otros envíos durante un día:
reminder-temporary-subject = Su contraseña temporal
reminder-temporary-intro = Con esta contraseña temporal puede elegir una contraseña nueva:
reminder-temporary-login = Introdúzcala en la página de acceso, junto con su dirección de correo:
reminder-temporary-button = Ir a la página de acceso
reminder-temporary-minutes = { $minutes ->
    [one] Funciona una vez, en el plazo de un minuto.
   *[other] Funciona una vez, en el plazo de { $minutes } minutos.
}
reminder-temporary-opens = Solo abre la página en la que se elige una contraseña nueva. Hasta entonces, su propia contraseña sigue funcionando.
reminder-current-subject = Su contraseña
reminder-current-intro = Esta es la contraseña de su cuenta en { $store }:
reminder-current-login = Puede acceder con ella aquí:
reminder-current-change = Quien lea este mensaje puede leer su contraseña. Elija una nueva cuando haya accedido.
reminder-current-not-you = ¿No pidió ayuda? Este enlace avisa al equipo y detiene otros envíos durante un día; después, elija una contraseña nueva:
