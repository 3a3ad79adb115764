/** Twilio, as a kind of source. */
import type { SourceDefinition } from '../definition.ts'
import { entitiesOf, listNames } from './lists.ts'
import type { TwilioOptions } from './options.ts'
import { createTwilioSource } from './twilio.ts'

export const twilio: SourceDefinition = {
  kind: 'twilio',
  spec: {
    title: 'Twilio',
    entities: [...entitiesOf(listNames), 'message_events'],
    auth: 'HTTP Basic: account SID and auth token, or an API key and its secret; webhooks are checked against X-Twilio-Signature with the auth token',
    cursor:
      'windows by StartTime (calls), DateSent (messages), DateCreated (recordings, conferences) and day (usage), oldest first, page by next_page_uri in each; nothing can be asked for by its update time',
    look_back: '15 days, read again by every pull and handed on where the content has changed; a change that comes later than that is not seen',
    rate_limits: '429 (error 20429) means too many requests under way: two at a time, tried again with growing waits, Retry-After honoured',
    late_fields:
      'price, end_time, duration, status, num_segments and recording status: a version is date_updated in seconds, and in its milliseconds what is known (status, then price, end, segments), so the later state wins also where date_updated stands still. A call’s cost is its root leg’s; each leg has its own. Usage categories overlap: each row keeps its own, none are added, and the account’s total is the row totalprice.',
  },
  options: {
    account_sid: { about: 'the account, AC…', is_required: true },
    auth_token: { about: 'its auth token; also what webhooks are signed with', is_secret: true },
    api_key: { about: 'an API key, SK…, for requests in place of the token' },
    api_secret: { about: 'the secret of the API key', is_secret: true },
    subaccounts: { about: 'further accounts by SID; no other is read, so nothing counts twice' },
    lists: { about: `what to read: ${listNames.join(', ')}; all of them unless given` },
    history_from: { about: 'ISO time; what began earlier is left out; 400 days ago unless given' },
    look_back_days: { about: 'days that every pull reads again' },
    window_days: { about: 'days asked for at a time' },
    page_size: { about: 'items per page, 1 to 1000' },
    concurrency: { about: 'lists read at a time' },
    public_url: { about: 'scheme and host that Twilio sends webhooks to, where a proxy stands before Callhouse' },
    url: { about: 'where the API is, if not at https://api.twilio.com' },
  },
  create: (settings) => createTwilioSource(settings as unknown as TwilioOptions),
}
