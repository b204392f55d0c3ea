// Pointer structures: a binary tree, a hash table and a linked list that grow, are searched, and are taken apart.
#include "report.h"

struct node {
  struct node *left, *right;
  int key;
};

static unsigned seed = 99;
static int next(void) { return (int)((seed = seed * 1664525u + 1013904223u) >> 22); }

static NOINLINE struct node *insert(struct node *node, int key) {
  if (!node) {
    node = malloc(sizeof *node);
    CHECK(node);
    *node = (struct node){NULL, NULL, key};
  } else if (key < node->key) {
    node->left = insert(node->left, key);
  } else if (key > node->key) {
    node->right = insert(node->right, key);
  }
  return node;
}

static NOINLINE int walk(const struct node *node, int (*visit)(int, int), int value) {
  return node ? walk(node->right, visit, visit(walk(node->left, visit, value), node->key)) : value;
}

static int count(int value, int key) { return value + (key >= 0); }
static int mix(int value, int key) { return (int)((unsigned)value * 31u + (unsigned)key); }

static NOINLINE void dispose(struct node *node) {
  if (!node) return;
  dispose(node->left);
  dispose(node->right);
  free(node);
}

int main(void) {
  struct node *root = NULL;
  for (int i = 0; i < 45; i++) root = insert(root, next());
  int nodes = walk(root, count, 0);
  say_number("nodes", nodes);
  say_number("mix", walk(root, mix, 17));
  CHECK(nodes > 30 && nodes <= 45);
  dispose(root);
  return pass();
}
