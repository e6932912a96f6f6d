import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CfnDeletionPolicy, CfnResource, Names, Token } from 'aws-cdk-lib';
import { CfnApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { CfnTable, ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { CfnFunction, CfnVersion, Function, IFunction } from 'aws-cdk-lib/aws-lambda';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { CfnQueue, IQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { Construct } from 'constructs';
import { artifactOf } from './artifacts';
import { decided } from './conditions';
import { defaultValues, givenValues } from './parameters';
import { ALIAS, FUNCTIONS, type DeliverySettings, type FunctionId } from './settings';
import { DEFAULT_ARTIFACTS, loadTemplate, named, withoutVersionHashes, type Template } from './template';
import { followFunction } from './version';

/** The sections of which a stack can have several templates'. The others are about the template as a whole. */
const SECTIONS = ['Parameters', 'Rules', 'Mappings', 'Conditions', 'Resources', 'Outputs'];

/** Names that log groups, key aliases, dashboards and alarms all take. */
const NAME = /^[A-Za-z0-9-]{1,100}$/;

/** Properties of {@link SetgetDelivery}: where its functions are, how it is named, and its settings. */
export interface SetgetDeliveryProps extends DeliverySettings {
  /**
   * The folder with the functions' programs, `<logical id>/bootstrap` each, as `sam build` makes it.
   * @default `.aws-sam/build` of the repository that this package is in
   */
  readonly artifacts?: string;

  /**
   * What log groups, the key's alias, the dashboard and the metrics are named by: 1–100 letters, digits and hyphens. Nothing else in
   * the account and region may be named by it.
   * @default the stack's name if `asDeployedBySam`, else that and the construct's path in the stack
   */
  readonly name?: string;

  /**
   * Whether the stack is to be what `sam deploy` makes of `template.yaml`: the same logical ids, and a CloudFormation parameter for
   * each setting that is not given. So a stack that SAM deployed can be taken over. Only one delivery in a stack can have it.
   * @default false
   */
  readonly asDeployedBySam?: boolean;
}

/**
 * SetGet Delivery: signed webhooks and SMS alerts.
 *
 * All of `template.yaml`, with real resources: aspects, tags and permissions boundaries reach each of them.
 *
 * @example
 * const delivery = new SetgetDelivery(this, 'Delivery', { publicBaseUrl: 'https://delivery.example.com' });
 * delivery.grantPublish(upstream);
 * delivery.alarmTopic.addSubscription(new EmailSubscription('oncall@example.com'));
 */
export class SetgetDelivery extends Construct {
  /** Where upstream systems put events. Whoever sends needs {@link grantPublish}. */
  readonly eventsQueue: IQueue;

  /** All state: configuration, deliveries, history. It outlives its stack. */
  readonly table: ITable;

  /** Where alarms go. Subscribe people and machines to it. */
  readonly alarmTopic: ITopic;

  /** The address of the HTTP API, without a trailing slash: that of `domainName`, else API Gateway's own. */
  readonly apiUrl: string;

  /** The id of the HTTP API in API Gateway. */
  readonly httpApiId: string;

  /** The functions, by logical id, as their aliases: what serves, not what was uploaded last. */
  readonly functions: Readonly<Record<FunctionId, IFunction>>;

  private readonly included: CfnInclude;

  /** @throws if a setting breaks a rule of its parameter, or a function's program is missing or for another processor */
  constructor(scope: Construct, id: string, props: SetgetDeliveryProps = {}) {
    super(scope, id);
    const source = withoutVersionHashes(loadTemplate());
    const whole = props.asDeployedBySam ?? false;
    const name = props.name ?? (whole ? undefined : Names.uniqueResourceName(this, { maxLength: 100, separator: '-' }));
    const values = { ...(whole ? {} : defaultValues(source)), ...givenValues(source, props) };
    this.included = include(this, renamed(decided(source, values), name), values, whole);

    for (const functionId of FUNCTIONS) {
      this.deploy(functionId, artifactOf(props.artifacts ?? DEFAULT_ARTIFACTS, functionId, values.Architecture));
    }
    this.eventsQueue = Queue.fromQueueArn(this, 'EventsQueue', this.resource<CfnQueue>('EventsQueue').attrArn);
    this.table = this.importedTable(this.resource<CfnTable>('Table'));
    this.alarmTopic = Topic.fromTopicArn(this, 'AlarmTopic', this.resource('AlarmTopic').ref);
    this.httpApiId = this.resource<CfnApi>('HttpApi').ref;
    this.apiUrl = Token.asString(this.included.getOutput('ApiUrl').value);
    this.functions = this.importedFunctions();
  }

  /**
   * Lets someone of this account put events on the events queue: `sqs:SendMessage`, and nothing else. The queue is encrypted with
   * SQS's own key, which needs no permission.
   *
   * @throws if the grantee has no policy of its own, like an AWS service: give EventBridge a role, and grant that
   */
  grantPublish(grantee: IGrantable): Grant {
    const grant = Grant.addToPrincipal({ grantee, actions: ['sqs:SendMessage'], resourceArns: [this.eventsQueue.queueArn] });
    grant.assertSuccess();
    return grant;
  }

  /**
   * A resource of `template.yaml`, by its logical id there, to change what the settings do not reach.
   * @throws if there is none of that id, or the settings leave it out
   */
  resource<T extends CfnResource = CfnResource>(logicalId: string): T {
    return this.included.getResource(logicalId) as T;
  }

  /** Puts a function's program in the place of the template's placeholder, and lets its version follow. */
  private deploy(functionId: FunctionId, folder: string): void {
    const code = new Asset(this, `${functionId}Code`, { path: folder });
    const deployed = this.resource<CfnFunction>(functionId);
    deployed.code = { s3Bucket: code.s3BucketName, s3Key: code.s3ObjectKey };
    const version = this.resource<CfnVersion>(`${functionId}Version`);
    version.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
    followFunction(version, deployed);
  }

  private importedTable(table: CfnTable): ITable {
    const indexes = (table.globalSecondaryIndexes ?? []) as CfnTable.GlobalSecondaryIndexProperty[];
    return Table.fromTableAttributes(this, 'Table', {
      tableArn: table.attrArn,
      globalIndexes: indexes.map((index) => index.indexName),
    });
  }

  private importedFunctions(): Readonly<Record<FunctionId, IFunction>> {
    const imported = FUNCTIONS.map((functionId): [FunctionId, IFunction] => {
      const functionArn = this.resource(`${functionId}Alias${ALIAS}`).ref;
      return [functionId, Function.fromFunctionAttributes(this, functionId, { functionArn, sameEnvironment: true })];
    });
    return Object.fromEntries(imported) as Record<FunctionId, IFunction>;
  }
}

function renamed(template: Template, name: string | undefined): Template {
  if (name === undefined) {
    return template;
  }
  if (Token.isUnresolved(name) || !NAME.test(name)) {
    throw new Error('name must be 1-100 letters, digits and hyphens, known when the stack is synthesised');
  }
  return named(template, name);
}

/** Includes a template. The CDK reads templates from files only. */
function include(scope: Construct, template: Template, parameters: Record<string, unknown>, whole: boolean): CfnInclude {
  const sections = Object.entries(template).filter(([section]) => whole || SECTIONS.includes(section));
  const folder = mkdtempSync(join(tmpdir(), 'setget-delivery-'));
  try {
    const templateFile = join(folder, 'template.json');
    writeFileSync(templateFile, JSON.stringify(Object.fromEntries(sections)));
    return new CfnInclude(scope, 'Template', { templateFile, parameters, preserveLogicalIds: whole });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
