import { IconDeviceMobileMessage, IconFingerprint, IconShieldLock } from '@tabler/icons-react'

/** How each kind of factor is shown. */
export const icons = { passkey: IconFingerprint, totp: IconShieldLock, sms: IconDeviceMobileMessage }
