// Made from template.yaml by `npm run template`. Changes belong there.

/** The settings of a delivery: the parameters of `template.yaml`. One that is not given has the template's default. */
export interface DeliverySettings {
  /**
   * The name that opens every SMS.
   * @default "SetGet"
   */
  readonly brand?: string;

  /**
   * The deployment's public HTTPS address, without a trailing slash: where Twilio posts receipts, and what their signatures are checked against. Empty = that of DomainName; without that too, Twilio is asked for no receipts, and none is taken.
   * @default ""
   */
  readonly publicBaseUrl?: string;

  /**
   * Waits before each retry of a webhook delivery, units s, m, h, each between 1s and 12h.
   * Pattern: `^(([1-9][0-9]{0,3}|[1-3][0-9]{4}|4[0-2][0-9]{3}|43[01][0-9]{2}|43200)s|([1-9][0-9]?|[1-6][0-9]{2}|7[01][0-9]|720)m|([1-9]|1[0-2])h)(,(([1-9][0-9]{0,3}|[1-3][0-9]{4}|4[0-2][0-9]{3}|43[01][0-9]{2}|43200)s|([1-9][0-9]?|[1-6][0-9]{2}|7[01][0-9]|720)m|([1-9]|1[0-2])h)){0,19}$`.
   * @default "1m,5m,30m,2h,12h"
   */
  readonly retrySchedule?: string;

  /**
   * Waits before each retry of an SMS, units s, m, h, each between 1s and 12h.
   * Pattern: `^(([1-9][0-9]{0,3}|[1-3][0-9]{4}|4[0-2][0-9]{3}|43[01][0-9]{2}|43200)s|([1-9][0-9]?|[1-6][0-9]{2}|7[01][0-9]|720)m|([1-9]|1[0-2])h)(,(([1-9][0-9]{0,3}|[1-3][0-9]{4}|4[0-2][0-9]{3}|43[01][0-9]{2}|43200)s|([1-9][0-9]?|[1-6][0-9]{2}|7[01][0-9]|720)m|([1-9]|1[0-2])h)){0,19}$`.
   * @default "30s,2m,10m"
   */
  readonly smsRetrySchedule?: string;

  /**
   * Days after which an entry of the delivery log expires.
   * At least 1.
   * At most 3650.
   * @default 30
   */
  readonly logRetentionDays?: number;

  /**
   * Where Twilio's REST API is.
   * @default "https://api.twilio.com"
   */
  readonly twilioBaseUrl?: string;

  /**
   * SHA-256 (lower-case hex) of the first operator's API key, a long random one, so that its hash is no secret. Empty = no such key.
   * Pattern: `^([0-9a-f]{64})?$`.
   * @default ""
   */
  readonly operatorKeyHash?: string;

  /**
   * A domain name of your own for the HTTP API, like delivery.example.com. Empty = none.
   * @default ""
   */
  readonly domainName?: string;

  /**
   * The ACM certificate for DomainName, in this region. Needed with DomainName.
   * @default ""
   */
  readonly certificateArn?: string;

  /**
   * The Route 53 hosted zone that gets DomainName's record. Empty = you make the record yourself.
   * @default ""
   */
  readonly hostedZoneId?: string;

  /**
   * Requests a second that the HTTP API takes, receipts included; more get 429.
   * At least 1.
   * @default 500
   */
  readonly apiRateLimit?: number;

  /**
   * Requests at a moment that the HTTP API takes beyond ApiRateLimit.
   * At least 1.
   * @default 1000
   */
  readonly apiBurstLimit?: number;

  /**
   * The functions' processor. Built for it, so the same value belongs to `sam build`.
   * @default "arm64"
   */
  readonly architecture?: 'arm64' | 'x86_64';

  /**
   * Batches of events at work at a time.
   * At least 2.
   * At most 1000.
   * @default 50
   */
  readonly fanOutConcurrency?: number;

  /**
   * Batches of 10 at work at a time for endpoints proven fast.
   * At least 2.
   * At most 1000.
   * @default 100
   */
  readonly fastLaneConcurrency?: number;

  /**
   * Batches of 100 at work at a time for all other endpoints, and for retries.
   * At least 2.
   * At most 1000.
   * @default 50
   */
  readonly slowLaneConcurrency?: number;

  /**
   * Batches of 10 SMS at work at a time.
   * At least 2.
   * At most 1000.
   * @default 50
   */
  readonly smsConcurrency?: number;

  /**
   * Whether new code serves a tenth of the traffic for five minutes before it serves all of it, and is rolled back by the functions' alarms. "false" switches at once.
   * @default "true"
   */
  readonly canaryDeployments?: boolean;

  /**
   * An address that alarms are mailed to. Empty = none; subscribe to the topic AlarmTopic in your own way.
   * @default ""
   */
  readonly alarmEmail?: string;

  /**
   * Days that the functions' and the API's own log lines are kept.
   * One of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653.
   * @default 30
   */
  readonly functionLogRetentionDays?: number;

  /**
   * Whether endpoints may be plain http. Keep off outside a test machine.
   * @default "false"
   */
  readonly allowPlainHttp?: boolean;

  /**
   * Whether endpoints may be on private networks. Keep off outside a test machine.
   * @default "false"
   */
  readonly allowPrivateNetworks?: boolean;
}

/** The functions, by logical id. */
export const FUNCTIONS = ['AdminApi', 'TwilioStatus', 'FanOut', 'DeliverWebhook', 'DeliverSms', 'BulkJobs', 'Sweep'] as const;

/** The logical id of a function. */
export type FunctionId = (typeof FUNCTIONS)[number];

/** The functions' alias: what routes, queues and schedules call. */
export const ALIAS = 'live';
