/** RingCentral, as a kind of source. */
import type { SourceDefinition } from '../definition.ts'
import { createRingCentralSource, ringcentralEntities, type RingCentralOptions } from './ringcentral.ts'

export const ringcentral: SourceDefinition = {
  kind: 'ringcentral',
  spec: {
    title: 'RingCentral',
    entities: ringcentralEntities,
    auth: 'OAuth with a JWT credential; the access token is renewed two minutes before it ends, and once when it is refused',
    cursor:
      'call log: call-log-extract-sync, by change, with a sync token; messages: message-sync per extension, with a sync token; extensions: listed whole every five minutes; live calls, presence and RingSense insights: webhook',
    look_back:
      'five minutes before the last complete sync whenever the server drops a token or asks for a full sync; a message store is then read again from history_from, since full syncs of it go by creation',
    rate_limits:
      'per user and minute: 10 heavy (call log), 40 medium (extensions), 50 light (messages); kept below, one request of a group at a time, and none while a penalty lasts (Retry-After, else 30 s)',
    late_fields:
      'call records appear 15 to 30 s after the call and change later (recording, billing): lastModifiedTime moves and the highest wins; of a call with several records any change gives the call a higher version; messages: status, read, availability, vmTranscriptionStatus, by lastModifiedTime; extensions: by the time the change was seen; the time of answer is not told and is the start of the last leg connected before a transfer',
  },
  options: {
    client_id: { about: 'client id of the app in the developer console', is_required: true },
    client_secret: { about: 'client secret of the app', is_required: true, is_secret: true },
    jwt: { about: 'JWT credential of an administrator', is_required: true, is_secret: true },
    url: { about: 'where the API is, https://platform.ringcentral.com unless given' },
    history_from: { about: 'ISO time; what changed before is left out; 90 days unless given' },
    message_extensions: { about: 'ids of the extensions whose messages are read; everybody’s unless given' },
    webhook_url: { about: 'the public address of this source’s webhook; a subscription is made and renewed for it' },
    webhook_token: { about: 'verification token of your choice; notifications without it are refused', is_secret: true },
  },
  create: (settings) => createRingCentralSource(settings as unknown as RingCentralOptions),
}
