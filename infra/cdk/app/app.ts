import { App, type AppProps, Aspects, Stack } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { SetgetDelivery } from '../lib/delivery';

/**
 * The app: SetGet Delivery as a stack of its own, as SAM would deploy it, checked by cdk-nag.
 *
 * The context may name the stack (`stackName`) and the folder of the functions' programs (`artifacts`). Settings are CloudFormation's
 * parameters, which the stack remembers: a deployment that does not mention one leaves it alone, also after a change from SAM.
 */
export function deliveryApp(props?: AppProps): App {
  const app = new App(props);
  const name = String(app.node.tryGetContext('stackName') ?? 'setget-delivery');
  const artifacts = app.node.tryGetContext('artifacts') as string | undefined;
  const stack = new Stack(app, name);
  new SetgetDelivery(stack, 'Delivery', { ...(artifacts && { artifacts }), asDeployedBySam: true });
  Aspects.of(app).add(new AwsSolutionsChecks());
  return app;
}
