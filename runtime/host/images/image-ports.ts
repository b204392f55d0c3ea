// What the image codec needs of this host and this engine, made when first needed and shared by all machines.

import { WasmPageScanner, WasmStripes } from '../../engine/page-scanner.ts';
import type { ImagePorts } from '../../snapshot/image-ports.ts';
import { digestPort } from '../digest.ts';

interface HostImagePorts extends ImagePorts {
  readonly scanner: WasmPageScanner;
  readonly stripes: WasmStripes;
}

let shared: HostImagePorts | undefined;

export function imagePorts(): HostImagePorts {
  shared ??= { digest: digestPort, scanner: new WasmPageScanner(), stripes: new WasmStripes() };
  return shared;
}
