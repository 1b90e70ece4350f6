import type { components } from '@/api/schema'

// Short names for what `npm run generate` made of the OpenAPI document. Nothing
// is declared by hand here: a change of the API shows as a type error.
type Schemas = components['schemas']

export type Account = Schemas['Account']
export type Action = Schemas['Action']
export type Activity = Schemas['Activity']
export type Catalog = Schemas['Catalog']
export type Change = Schemas['Change']
export type Choice = Schemas['Choice']
export type Factor = Schemas['Factor']
export type Factors = Schemas['Factors']
export type Fleet = Schemas['Fleet']
export type Following = Schemas['Following']
export type GatewayNode = Schemas['Node']
export type Key = Schemas['Key']
export type KeySession = Schemas['KeySession']
export type Keys = Schemas['Keys']
export type Outcome = Schemas['Outcome']
export type Person = Schemas['Person']
export type Problem = Schemas['Problem']
export type Receipt = Schemas['Receipt']
export type RefusedCall = Schemas['RefusedCall']
export type Session = Schemas['Session']
export type SignIn = Schemas['SignIn']
export type Step = Schemas['Step']
export type WhoAmI = Schemas['WhoAmI']

export type PermissionName = Key['permissions'][number]
export type Operation = Step['operation']
