/** For tests: hand-written payloads in the format of Amazon Connect's streams. */

const ARN = 'arn:aws:connect:eu-central-1:123456789012:instance/inst-1'
export const AGENT_ARN = `${ARN}/agent/agent-7`
const queue = { ARN: `${ARN}/queue/queue-3`, Name: 'Support' }

type Json = Record<string, unknown>

/** A call that waited 20 s, was answered, put on hold, and handed on. */
export function contact(changes: Json = {}): Json {
  return {
    AWSAccountId: '123456789012',
    AWSContactTraceRecordFormatVersion: '2017-03-10',
    Agent: {
      ARN: AGENT_ARN,
      AfterContactWorkDuration: 12,
      AfterContactWorkEndTimestamp: '2026-03-01T09:02:17Z',
      AfterContactWorkStartTimestamp: '2026-03-01T09:02:05Z',
      AgentInteractionDuration: 85,
      ConnectedToAgentTimestamp: '2026-03-01T09:00:30Z',
      CustomerHoldDuration: 10,
      HierarchyGroups: null,
      LongestHoldDuration: 10,
      NumberOfHolds: 1,
      RoutingProfile: { ARN: `${ARN}/routing-profile/rp-1`, Name: 'Basic' },
      Username: 'pat',
    },
    AgentConnectionAttempts: 1,
    Attributes: { note: 'O"Brien 李' },
    Channel: 'VOICE',
    ConnectedToSystemTimestamp: '2026-03-01T09:00:02Z',
    ContactId: 'contact-1',
    CustomerEndpoint: { Address: '+4930111222', Type: 'TELEPHONE_NUMBER' },
    DisconnectReason: 'AGENT_DISCONNECT',
    DisconnectTimestamp: '2026-03-01T09:02:05Z',
    InitialContactId: null,
    InitiationMethod: 'INBOUND',
    InitiationTimestamp: '2026-03-01T09:00:01Z',
    InstanceARN: ARN,
    LastUpdateTimestamp: '2026-03-01T09:03:00Z',
    MediaStreams: [{ Type: 'AUDIO' }],
    NextContactId: null,
    PreviousContactId: null,
    Queue: { ...queue, DequeueTimestamp: '2026-03-01T09:00:30Z', Duration: 20, EnqueueTimestamp: '2026-03-01T09:00:10Z' },
    Recordings: [
      {
        DeletionReason: null,
        Location: 'recordings/contact-1_20260301T09:00_UTC.wav',
        MediaStreamType: 'AUDIO',
        ParticipantType: 'ALL',
        StartTimestamp: '2026-03-01T09:00:30Z',
        StopTimestamp: '2026-03-01T09:02:05Z',
        Status: 'AVAILABLE',
        StorageType: 'S3',
      },
    ],
    SystemEndpoint: { Address: '+4930555000', Type: 'TELEPHONE_NUMBER' },
    TransferCompletedTimestamp: null,
    TransferredToEndpoint: null,
    ...changes,
  }
}

/** The first contact of a call that was handed to another queue, and the second. */
export const first = (changes: Json = {}): Json =>
  contact({ NextContactId: 'contact-2', TransferCompletedTimestamp: '2026-03-01T09:02:05Z', ...changes })
export const second = (changes: Json = {}): Json =>
  contact({
    ContactId: 'contact-2',
    InitialContactId: 'contact-1',
    PreviousContactId: 'contact-1',
    InitiationMethod: 'TRANSFER',
    InitiationTimestamp: '2026-03-01T09:02:00Z',
    ConnectedToSystemTimestamp: '2026-03-01T09:02:00Z',
    DisconnectTimestamp: '2026-03-01T09:04:00Z',
    DisconnectReason: 'CUSTOMER_DISCONNECT',
    LastUpdateTimestamp: '2026-03-01T09:05:00Z',
    Queue: {
      ARN: `${ARN}/queue/queue-9`,
      Name: 'Billing',
      DequeueTimestamp: '2026-03-01T09:02:40Z',
      Duration: 35,
      EnqueueTimestamp: '2026-03-01T09:02:05Z',
    },
    Agent: { ARN: `${ARN}/agent/agent-8`, AgentInteractionDuration: 80, ConnectedToAgentTimestamp: '2026-03-01T09:02:40Z', CustomerHoldDuration: 0 },
    Recordings: null,
    ...changes,
  })

export interface SnapshotParts {
  status?: string
  since?: string
  type?: string
  contacts?: Json[]
}

export function snapshot({ status = 'Available', since = '2026-03-01T09:00:00.000Z', type, contacts = [] }: SnapshotParts): Json {
  return {
    AgentStatus: { ARN: `${ARN}/agent-state/${status}`, Name: status, StartTimestamp: since, ...(type && { Type: type }) },
    NextAgentStatus: null,
    Configuration: { Username: 'pat', FirstName: 'Pat', LastName: "O'Neill", RoutingProfile: { ARN: `${ARN}/routing-profile/rp-1`, Name: 'Basic' } },
    Contacts: contacts,
  }
}

export function agentContact(State: string, StateStartTimestamp: string, changes: Json = {}): Json {
  const connected = State.startsWith('CONNECTED') ? { ConnectedToAgentTimestamp: '2026-03-01T09:10:05.000Z' } : {}
  return {
    ContactId: 'contact-5',
    InitialContactId: 'contact-4',
    Channel: 'VOICE',
    State,
    StateStartTimestamp,
    Queue: queue,
    ...connected,
    ...changes,
  }
}

let events = 0
export function agentEvent(EventType: string, EventTimestamp: string, current: SnapshotParts | null, previous: SnapshotParts | null = null): Json {
  events += 1
  return {
    AgentARN: AGENT_ARN,
    AWSAccountId: '123456789012',
    EventId: `event-${events}`,
    EventTimestamp,
    EventType,
    InstanceARN: ARN,
    Version: '2017-10-01',
    CurrentAgentSnapshot: current && snapshot(current),
    PreviousAgentSnapshot: previous && snapshot(previous),
  }
}

export function analysis(changes: Json = {}): Json {
  return {
    Version: '1.1.0',
    AccountId: '123456789012',
    Channel: 'VOICE',
    ContentMetadata: { Output: 'Raw' },
    JobStatus: 'COMPLETED',
    LanguageCode: 'de-DE',
    Participants: [
      { ParticipantId: 'P1', ParticipantRole: 'CUSTOMER' },
      { ParticipantId: 'P2', ParticipantRole: 'AGENT' },
    ],
    Categories: {
      MatchedCategories: ['Cancellation', 'NoGreeting'],
      MatchedDetails: {
        Cancellation: { PointsOfInterest: [{ BeginOffsetMillis: 2500, EndOffsetMillis: 4000 }] },
        NoGreeting: { PointsOfInterest: [] },
      },
    },
    ConversationCharacteristics: { TotalConversationDurationMillis: 9000, Sentiment: { OverallSentiment: { P1: -2.5, P2: 0 } } },
    CustomerMetadata: {
      ContactId: 'contact-1',
      InputS3Uri: 's3://bucket/connect/CallRecordings/2026/03/01/contact-1_20260301T09:00_UTC.wav',
      InstanceId: 'inst-1',
    },
    Transcript: [
      {
        Id: 't1',
        ParticipantId: 'P2',
        BeginOffsetMillis: 0,
        EndOffsetMillis: 2000,
        Content: 'Hallo, Zoë.',
        Sentiment: 'NEUTRAL',
        LoudnessScore: [70],
      },
      { Id: 't2', ParticipantId: 'P1', BeginOffsetMillis: 2500, EndOffsetMillis: 4000, Content: 'Ich kündige.', Sentiment: 'NEGATIVE' },
    ],
    ...changes,
  }
}
