// Bodies under gravity: a short float kernel in nested loops.
#include "bench.h"
#include <math.h>

enum { BODIES = 5 };
struct body {
  double x, y, z, vx, vy, vz, mass;
};
static struct body bodies[BODIES] = {{0, 0, 0, 0, 0, 0, 39.5},
                                     {4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.037},
                                     {8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.011},
                                     {12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.0017},
                                     {15.4, -25.9, 0.2, 1.0, 0.6, -0.03, 0.002}};

static NOINLINE void advance(double step) {
  for (int i = 0; i < BODIES; i++) {
    struct body *a = &bodies[i];
    for (int j = i + 1; j < BODIES; j++) {
      struct body *b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz;
      double pull = step / (square * sqrt(square));
      a->vx -= dx * b->mass * pull, a->vy -= dy * b->mass * pull, a->vz -= dz * b->mass * pull;
      b->vx += dx * a->mass * pull, b->vy += dy * a->mass * pull, b->vz += dz * a->mass * pull;
    }
  }
  for (int i = 0; i < BODIES; i++) {
    bodies[i].x += step * bodies[i].vx, bodies[i].y += step * bodies[i].vy, bodies[i].z += step * bodies[i].vz;
  }
}

int main(int argc, char **argv) {
  for (int i = rounds(argc, argv, 80); i > 0; i--)
    for (int k = 0; k < 50000; k++) advance(0.01);
  return checksum(bits_of(bodies[0].x + bodies[4].z));
}
