import { FEATURE, FRAME_TYPE, LAYOUT_HASH, PortError, isRingBytes } from '@portcall/wire';

import type { Frame } from './frame.js';
import type { HandshakeEvent } from './handshake-states.js';
import { speaksOurVersion } from './frame.js';

/** All bits of `FEATURE`. */
const FEATURES_KNOWN = FEATURE.SHARED_MEMORY | FEATURE.HANDOVER | FEATURE.QUICK;

/**
 * The one place that looks at a client's frame as a whole.
 *
 * @param hasDescriptor whether one came with it; `undefined` where nobody can tell
 * @returns which event it is
 * @throws PortError PROTOCOL_ERROR when it is no well-formed CONNECT_REQUEST
 */
export function checkRequest(frame: Frame, hasDescriptor: boolean | undefined): HandshakeEvent {
  if (frame.type !== FRAME_TYPE.CONNECT_REQUEST) throw malformed(`type is ${frame.type}`);
  if (frame.versionMin > frame.versionMax) throw malformed('its versions are no range');
  // Another version may have other features: nothing more can be said of its frame.
  if (!speaksOurVersion(frame)) return 'otherVersions';
  checkFeatures(frame, hasDescriptor, FEATURES_KNOWN);
  return 'request';
}

/**
 * The one place that looks at a server's frame as a whole.
 *
 * @param asked `FEATURE` bits of the request: an answer has no others
 * @param hasDescriptor whether one came with it; `undefined` where nobody can tell
 * @returns which event it is; the frame of a server of other versions is a refusal
 * @throws PortError PROTOCOL_ERROR when it is no well-formed answer
 */
export function checkAnswer(
  frame: Frame,
  asked: number,
  hasDescriptor: boolean | undefined,
): 'accepted' | 'rejected' {
  if (frame.type === FRAME_TYPE.CONNECT_REQUEST) throw malformed(`type is ${frame.type}`);
  if (frame.versionMin > frame.versionMax) throw malformed('its versions are no range');
  if (!speaksOurVersion(frame)) return 'rejected';
  const isAccept = frame.type === FRAME_TYPE.ACCEPT;
  checkFeatures(frame, hasDescriptor, isAccept ? asked : 0);
  if ((frame.features & FEATURE.SHARED_MEMORY) !== 0 && frame.layoutHash !== LAYOUT_HASH) {
    throw malformed('it accepts shared memory of another layout');
  }
  return isAccept ? 'accepted' : 'rejected';
}

function checkFeatures(frame: Frame, hasDescriptor: boolean | undefined, allowed: number): void {
  if ((frame.features & ~allowed) !== 0) throw malformed(`features are ${frame.features}`);
  const isShared = (frame.features & FEATURE.SHARED_MEMORY) !== 0;
  if (hasDescriptor !== undefined && hasDescriptor !== isShared) {
    throw malformed(hasDescriptor ? 'a descriptor came with it' : 'its region did not come');
  }
  if (!isShared && (frame.layoutHash !== 0 || frame.regionBytes !== 0)) {
    throw malformed('it describes a region that it does not pass');
  }
  // What the numbers of another layout mean is its own.
  if (isShared && frame.layoutHash === LAYOUT_HASH && !isRingBytes(frame.regionBytes)) {
    throw malformed(`its ring has ${frame.regionBytes} bytes`);
  }
}

function malformed(text: string): PortError {
  return new PortError('PROTOCOL_ERROR', `Cannot read handshake frame: ${text}`, {
    executed: 'no',
  });
}
