export { SetgetDelivery, type SetgetDeliveryProps } from './delivery';
export type { DeliverySettings, FunctionId } from './settings';
