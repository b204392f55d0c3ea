// All areas, in the order they run.

import { afterResume } from './after-resume.ts';
import type { Area } from './area.ts';
import { asyncify } from './asyncify.ts';
import { firstResult } from './first-result.ts';
import { imageSize } from './image-size.ts';
import { instrumentTime } from './instrument-time.ts';
import { limits } from './limits.ts';
import { marks } from './marks.ts';
import { micro } from './micro.ts';
import { osr } from './osr.ts';
import { overhead } from './overhead.ts';
import { pageDiff } from './page-diff.ts';
import { polybench } from './polybench.ts';
import { resumeTime } from './resume-time.ts';
import { size } from './size.ts';
import { snapshots } from './snapshots.ts';
import { stopTime } from './stop-time.ts';
import { store } from './store.ts';
import { syscall } from './syscall.ts';
import { tiny } from './tiny.ts';
import { tree } from './tree.ts';

export const areas: readonly Area[] = [
  overhead,
  marks,
  asyncify,
  polybench,
  osr,
  size,
  instrumentTime,
  firstResult,
  stopTime,
  imageSize,
  resumeTime,
  tiny,
  syscall,
  afterResume,
  tree,
  micro,
  pageDiff,
  store,
  snapshots,
  limits,
];
