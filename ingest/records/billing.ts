/** What it costs. */
import { entity, type RecordOf } from './entity.ts'
import { day, float, money, name, requiredMoney, requiredName, text, time } from './field.ts'

/** A day's rated usage of one category. Categories may overlap: never sum across them unless the source says they do not. */
export const usage = entity('usage', ['day'], {
  account_id: requiredName(),
  category: requiredName(),
  day: day(),
  quantity: float(),
  unit: name(),
  price: money(),
  currency: name(),
  as_of: time(),
})

/** One amount charged for one thing. */
export const charges = entity('charges', ['charged_at'], {
  account_id: requiredName(),
  category: requiredName(),
  call_id: text(),
  message_id: text(),
  charged_at: time(),
  amount: requiredMoney(),
  currency: requiredName(),
})

export const balances = entity('balances', ['as_of'], {
  account_id: requiredName(),
  as_of: time(),
  amount: requiredMoney(),
  currency: requiredName(),
})

export type Usage = RecordOf<typeof usage>
export type Charge = RecordOf<typeof charges>
export type Balance = RecordOf<typeof balances>
