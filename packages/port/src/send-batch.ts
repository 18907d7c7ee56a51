import type { PortChannel } from './port-channel.js';
import type { PortEnd, SendOptions } from './port-end.js';

/** As `PortEnd.sendBatch`: all records first, then the one doorbell. */
export async function sendBatch(
  port: PortEnd,
  channel: PortChannel,
  datas: readonly Uint8Array[],
  options: SendOptions,
): Promise<void> {
  const sent = datas.map((data) => port.send(data, options));
  channel.link.flush();
  await Promise.all(sent);
}
