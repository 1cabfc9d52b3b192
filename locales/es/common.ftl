# Texts that pages and mails share.
moment = { $time } del { $day } de { $month } de { $year }
duration-seconds = { $n ->
    [one] un segundo
   *[other] { $n } segundos
}
duration-minutes = { $n ->
    [one] un minuto
   *[other] { $n } minutos
}
duration-hours = { $n ->
    [one] una hora
   *[other] { $n } horas
}
month-1 = enero
month-2 = febrero
month-3 = marzo
month-4 = abril
month-5 = mayo
month-6 = junio
month-7 = julio
month-8 = agosto
month-9 = septiembre
month-10 = octubre
month-11 = noviembre
month-12 = diciembre

## Inicio de sesión y comprobación

login-failed = Ese correo y esa contraseña no coinciden. Revise ambos o use el enlace de abajo si olvidó la contraseña.
login-wait = Demasiados intentos seguidos. Espere { $wait } e inténtelo de nuevo. Mientras tanto, el enlace de abajo funciona.
email-invalid = Escriba una sola dirección de correo, como nombre@example.com.
name-invalid = Escriba su nombre y sus apellidos, sin saltos de línea.
captcha-refused = Haga la comprobación una vez más.
forgot-prompt = ¿Olvidó su contraseña?
reset-refused-repeat = Las dos contraseñas no son iguales.
reset-refused-temporary = La contraseña temporal de nuestro mensaje no puede ser su contraseña. Elija otra.
current-password-wrong = La contraseña actual no es correcta.
password-changed-notice = Su nueva contraseña está guardada. Se cerró la sesión en los demás dispositivos.
address-requested-notice = Hemos enviado un enlace a la nueva dirección. Nada cambia hasta que lo abra.

## Enlaces de correos que preguntan antes de actuar

stop-title = ¿No lo ha pedido usted?
stop-text = Anulamos el enlace de ese correo y no enviamos otro durante { $hold }. Su contraseña no cambia.
stop-button = Anular el enlace
stop-done-title = El enlace está anulado
stop-done-text = Nadie puede usarlo y no se enviará otro durante { $hold }. Su contraseña no cambia.
freeze-title = ¿No ha cambiado usted su contraseña?
freeze-text = Cerramos la sesión en todos los dispositivos y bloqueamos su cuenta en { $store } hasta que elija una contraseña nueva con un enlace enviado a esta dirección.
freeze-button = Congelar mi cuenta
freeze-done-title = Su cuenta está congelada
freeze-done-text = Se cerró la sesión en todos los dispositivos y la contraseña ya no abre nada. Para abrir de nuevo su cuenta, pida un enlace y elija una contraseña nueva. Si otra persona puede leer su correo, cambie antes la contraseña de su buzón.
undo-title = ¿No ha cambiado usted su dirección de correo?
undo-text = Restauramos esta dirección, cerramos la sesión en todos los dispositivos y bloqueamos su cuenta en { $store } hasta que elija una contraseña nueva con un enlace enviado a esta dirección.
undo-button = Restaurar mi dirección
undo-done-title = Su dirección está restaurada
ask-for-link = Pedir un enlace
confirm-address-title = Confirme su nueva dirección de correo
confirm-address-text = A partir de entonces iniciará sesión en { $store } con esta dirección.
confirm-address-button = Confirmar
confirm-address-done-title = Su nueva dirección está confirmada
confirm-address-done-text = Desde ahora inicia sesión en { $store } con ella.
confirm-address-taken-title = Esta dirección está en uso
confirm-address-taken-text = La tiene otra cuenta de { $store }. Su dirección anterior sigue en uso.
confirm-registration-title = Confirme su dirección de correo
confirm-registration-text = Un clic y su cuenta en { $store } está lista.
confirm-registration-button = Confirmar e iniciar sesión

## Páginas que solo informan

bad-request-title = No ha funcionado
bad-request-text = El formulario no llegó como esta página lo espera. Vuelva atrás, recargue la página e inténtelo de nuevo.
forbidden-title = Inténtelo de nuevo
forbidden-text = La petición no vino de esta página, así que no se cambió nada. Recargue la página e inténtelo de nuevo.
not-allowed-title = No tiene permiso para eso
not-allowed-text = Su función no llega tan lejos. Pregunte a un administrador.
not-found-title = Aquí no hay nada
not-found-text = Puede que la página se haya movido. La portada es un buen comienzo.
method-title = Así no funciona
method-text = Use los botones de la página.
too-large-title = Es demasiado
too-large-text = El formulario es más grande de lo que esta página acepta.
too-many-title = Un momento, por favor
too-many-text = Llegaron demasiadas peticiones desde su conexión. Inténtelo de nuevo en { $wait }.
busy-title = Mucho movimiento ahora mismo
busy-text = No se ha perdido nada. Inténtelo de nuevo en unos segundos.
error-title = Algo ha fallado
error-text = Es culpa nuestra, no suya. Inténtelo de nuevo; si vuelve a ocurrir, léanos esto: { $request }.
link-front = Portada
link-login = Iniciar sesión
