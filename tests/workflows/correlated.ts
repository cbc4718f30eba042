import { workflow, type ExecutionContext } from '@flux/sdk';

interface Shipment {
  readonly order?: { readonly id: string | number };
  readonly customer?: string;
  /** Sleeps so long that it is parked. */
  readonly asleep?: boolean;
}

/** Waits until it is cancelled: by events about its order, or about its customer. */
export const shipping = workflow(
  'shipping',
  async (ctx: ExecutionContext, input: Shipment) => {
    for (;;) await ctx.sleep(input.asleep ? '1h' : '4s');
  },
  {
    gracePeriod: '2s',
    cancelOn: [
      { event: 'order_cancelled', key: 'order.id' },
      { event: 'customer_left', key: 'customer' },
    ],
  },
);

/** Waits for somebody's word, paused; has the key of the same event at another place. */
export const invoicing = workflow(
  'invoicing',
  (ctx: ExecutionContext, _input: { orderId: string }) => ctx.pause('approval'),
  { cancelOn: [{ event: 'order_cancelled', key: 'orderId' }] },
);

/** Has a shipment as its child, which the event about its customer reaches through it alone. */
export const fulfilment = workflow(
  'fulfilment',
  (ctx: ExecutionContext, _input: { customer: string }) => ctx.call(shipping, {}),
  { cancelOn: [{ event: 'customer_left', key: 'customer' }] },
);
