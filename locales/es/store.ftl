# Todos los textos de las páginas de la tienda. { $store } es el nombre de la tienda.
# Las indicaciones para traductores están en en/store.ftl.

## En todas las páginas

skip-link = Ir al contenido
header-account = Sesión de { $name }
footer-note = { $store } nunca le pide su contraseña por teléfono ni por correo electrónico.

## Campos que comparten varias páginas

field-email = Correo electrónico
field-password = Contraseña
field-new-password = Nueva contraseña
field-repeat-password = Repita la nueva contraseña
field-current-password = Contraseña actual
field-first-name = Nombre
field-last-name = Apellidos
password-show = Mostrar la contraseña
password-mismatch = Las dos contraseñas todavía no coinciden.
password-refused = Elija otra contraseña
password-hint = Ocho caracteres o más. Unas cuantas palabras sin relación entre sí dan buen resultado.
password-hint-min = { $min } caracteres o más. Unas cuantas palabras sin relación entre sí dan buen resultado.
meter-0 = Facilísima de adivinar
meter-1 = Demasiado fácil de adivinar
meter-2 = Podría ser más segura
meter-3 = Buena contraseña
meter-4 = Excelente contraseña
back-to-login = Volver al inicio de sesión
link-account = Volver a su cuenta
form-failed = No ha funcionado. Revise los campos marcados.
# $suggestion es una dirección de correo completa; la pone el navegador.
email-suggestion = ¿Quiso decir { $suggestion }?

## Por qué se rechaza una contraseña

# $min es un número de caracteres.
password-reason-too-short = Use al menos { $min } caracteres.
password-reason-too-long = Es más larga de lo que podemos guardar. Acórtela, por favor.
password-reason-common = Es una de las contraseñas que se prueban primero.
password-reason-store-word = Es poco más que el nombre de esta tienda.
password-reason-own-data = Es poco más que su nombre, su empresa, su correo, su teléfono o su número de cliente.
password-reason-repeated = Repite siempre los mismos caracteres.
password-reason-sequence = Es una serie del alfabeto, de cifras o de teclas contiguas.
password-reason-too-easy = Es demasiado fácil de adivinar. Añada una o dos palabras que nadie se espere.

## Inicio de sesión

login-title = Iniciar sesión
login-intro = Le damos de nuevo la bienvenida a { $store }.
login-button = Iniciar sesión
login-new = ¿Es su primera vez?
login-register = Crear una cuenta

## Contraseña olvidada: el formulario, en la ventana y como página

forgot-title = ¿Olvidó su contraseña?
forgot-intro = Indíquenos el correo que usa en { $store }. Le enviaremos un enlace para elegir una nueva contraseña.
forgot-button = Enviarme un enlace
forgot-close = Cerrar
forgot-offline = No hemos podido conectar con { $store }. Lo que ha escrito sigue aquí: compruebe su conexión e inténtelo de nuevo.

## Comprobar que pregunta una persona

captcha-legend = Una comprobación rápida
captcha-box = Soy una persona, no un programa
captcha-working = Comprobando…
captcha-done = Comprobado. Gracias.
captcha-failed = La comprobación no ha terminado. Marque de nuevo la casilla.
captcha-picture-alt = Una imagen con algunas letras y cifras. Justo debajo hay una versión hablada.
captcha-sound = ¿No lo puede leer? Escúchelo:
captcha-sound-label = El código, leído en voz alta
captcha-sound-download = Descargar el sonido
captcha-code = Escriba el código que ve u oye

## La respuesta a todas las solicitudes

answer-title = Revise su correo
answer-lead = Si esa dirección tiene una cuenta en { $store }, un correo con un enlace está en camino.
answer-where = ¿No ha llegado nada en unos minutos?
answer-where-spam = Busque en el correo no deseado y en promociones.
answer-where-other = Pruebe con otras direcciones que haya podido usar.
answer-valid = { $minutes ->
    [one] El enlace funciona durante un minuto, en cualquier dispositivo.
   *[other] El enlace funciona durante { $minutes } minutos, en cualquier dispositivo.
 }
answer-reference = Su referencia
answer-reference-help = Léanosla si nos llama y podremos ver qué ha pasado.
answer-retry = { $seconds ->
    [one] Podrá pedirlo de nuevo en un segundo.
   *[other] Podrá pedirlo de nuevo en { $seconds } segundos.
 }
# $clock cuenta hacia atrás en el navegador, en minutos y segundos: 0:47.
answer-retry-countdown = Podrá pedirlo de nuevo en { $clock }.
answer-retry-now = Ya puede pedirlo de nuevo.
answer-again = Pedirlo de nuevo

## Registro

register-title = Crear una cuenta
register-intro = Una sola cuenta para todo lo que pida en { $store }.
register-button = Crear cuenta
register-have = ¿Ya tiene una cuenta?
register-login = Iniciar sesión
register-answer-title = Revise su correo
register-answer-lead = Hemos enviado un correo a la dirección que indicó. Abra el enlace que contiene para terminar.
register-answer-have = Si ya tiene una cuenta, el correo lo dice y le ayuda a iniciar sesión.

## Elegir una nueva contraseña

reset-title = Elija una nueva contraseña
reset-intro = Para su cuenta en { $store }.
reset-hint = Cuenta
reset-button = Guardar e iniciar sesión
reset-ends = Al guardar, se cierra su sesión en los demás dispositivos.
reset-other-title = Aquí hay otra sesión abierta
reset-other-who = En este navegador está abierta la sesión de { $other }.
reset-switch = Cerrar esa sesión y continuar
reset-stay = Mantenerla y salir de esta página

## Un enlace que no funciona

dead-title = Este enlace ya no funciona
dead-text = Los enlaces funcionan una sola vez y durante poco tiempo. Pida aquí uno nuevo; es un momento.

## La portada de la tienda

home-title = Le damos la bienvenida
home-greeting = Hola, { $name }
home-in = Ha iniciado sesión en { $store }.
home-out = Inicie sesión para ver su cuenta en { $store }.
home-login = Iniciar sesión
home-register = Crear una cuenta
home-account = Su cuenta

## Cuenta

account-title = Su cuenta
account-name = Nombre
account-number = Número de cliente
account-email = Correo electrónico
account-pending = Falta que confirme { $email }. Abra el enlace del correo que hemos enviado a esa dirección; hasta entonces sigue valiendo la anterior.
account-details = Sus datos
account-login = Acceso y seguridad
account-password-link = Cambiar la contraseña
account-password-note = Necesitará la actual.
account-email-link = Cambiar el correo
account-email-note = Antes enviamos un enlace a la nueva dirección.
account-sessions-link = Dónde tiene la sesión abierta
account-sessions-note = Vea cada dispositivo y cierre los que no conozca.
account-logout = Cerrar sesión

account-password-title = Cambiar la contraseña
account-password-mailed = Su contraseña actual se le envió por correo. Elija ahora una nueva.
account-password-button = Guardar la contraseña

account-email-title = Cambiar el correo
account-email-intro = Enviamos un enlace a la nueva dirección. Nada cambia hasta que lo abra.
account-email-new = Nuevo correo electrónico
account-email-button = Enviar el enlace

account-sessions-title = Dónde tiene la sesión abierta
account-sessions-intro = Si no reconoce alguna de estas sesiones, ciérrela y cambie su contraseña.
session-current = Este dispositivo
session-started = Inicio
session-seen = Último uso
session-end = Cerrar
session-end-label = Cerrar la sesión en { $device }
sessions-end-others = Cerrar todas las demás
sessions-none = No tiene ninguna otra sesión abierta.
