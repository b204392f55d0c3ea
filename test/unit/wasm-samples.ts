// Module texts that together hold every section, every form of segment and every proposal that the parser knows.
// Used by the tests of runtime/wasm.

/** By name. Legacy exceptions are in their unfolded form, which both of our assemblers read. */
export const SAMPLES: Readonly<Record<string, string>> = {
  empty: '(module)',
  functions: `(module $m
    (type $t (func (param i32 i64 f32 f64) (result i64)))
    (import "env" "f" (func $f (param i32)))
    (import "env" "" (func $g (result f64)))
    (func $h (export "h") (type $t) (local i32 i32 f64 i32)
      (block $b (result i64)
        (loop $l (br_if $l (local.get 0)) (call $f (i32.const -1)))
        (i64.const -9223372036854775808)))
    (func $start (nop))
    (start $start))`,
  control: `(module
    (type $pair (func (param i32) (result i32 i32)))
    (table 3 funcref)
    (func (param i32) (result i32)
      (block (block (block (br_table 0 1 2 0 (local.get 0)))))
      local.get 0
      block (type $pair) local.get 0 end
      if (result i32) i32.const 7 else i32.const 300 end
      i32.const 0 call_indirect (param i32) (result i32)
      i32.const 1 i32.const 2 select
      i32.const 1 i32.const 2 i32.const 3 select (result i32)
      drop drop)
    (func (result i32) return_call 1)
    (func (result i32) i32.const 0 return_call_indirect (result i32)))`,
  memory: `(module
    (import "env" "m" (memory 1 65536))
    (data (i32.const 16) "hello\\00\\ff")
    (data $passive "passive")
    (func (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 7)) (data.drop $passive)
      (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)) (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
      (drop (memory.grow (memory.size)))
      (i64.store32 offset=4294967295 align=1 (i32.const 0) (i64.load offset=128 (i32.const 0)))))`,
  memories: `(module
    (memory $a 1) (memory $b 1 2) (memory $c i64 1 262144)
    (data (memory $b) (i32.const 3) "b") (data (memory $c) (i64.const 4) "c") (data "p")
    (func (drop (i32.load $b offset=200 (i32.const 0))) (drop (i32.load $c offset=0x123456789abc (i64.const 0)))
      (memory.copy $a $b (i32.const 0) (i32.const 1) (i32.const 2)) (memory.init $b 2 (i32.const 0) (i32.const 1) (i32.const 2))
      (drop (memory.size $c)) (drop (v128.load8_lane $b offset=300 3 (i32.const 0) (v128.const i32x4 1 2 3 4)))))`,
  atomics: `(module (memory 1 2 shared)
    (func (result i32) atomic.fence
      (drop (memory.atomic.wait32 offset=4 (i32.const 0) (i32.const 0) (i64.const -1)))
      (i32.atomic.rmw8.cmpxchg_u (i32.const 0) (i32.const 1) (i32.const 2))))`,
  globals: `(module
    (import "env" "g" (global i32)) (import "env" "h" (global (mut f64)))
    (global $i (mut i32) (i32.const -5)) (global i64 (i64.const 1234567890123)) (global f32 (f32.const nan:0x200001))
    (global f64 (f64.const 1.5)) (global v128 (v128.const i64x2 1 2)) (global (ref null func) (ref.null func))
    (global funcref (ref.func 0)) (global i32 (global.get 0)) (global externref (ref.null extern))
    (global i32 (i32.add (global.get 0) (i32.mul (i32.const 3) (i32.const 4))))
    (func (global.set $i (global.get $i)))
    (export "a" (global 2)) (export "b" (func 0)))`,
  tables: `(module
    (import "env" "t" (table 1 funcref))
    (table $x 2 10 externref) (table $y i64 3 funcref) (table $z 4 funcref)
    (elem (i32.const 0) func $f $f) (elem (table $z) (i32.const 1) func $f) (elem $p func $f) (elem declare func $f)
    (elem (i32.const 0) funcref (ref.func $f) (ref.null func)) (elem (table $z) (i32.const 1) funcref (ref.func $f))
    (elem $q funcref (ref.null func)) (elem declare funcref (ref.func $f)) (elem $e externref (ref.null extern))
    (func $f (table.init $z $p (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $q)
      (table.copy $z 0 (i32.const 0) (i32.const 0) (i32.const 1))
      (table.set $x (i32.const 0) (table.get $x (i32.const 1))) (drop (table.size $y))
      (drop (table.grow $x (ref.null extern) (i32.const 1))) (table.fill $x (i32.const 0) (ref.null extern) (i32.const 1))))`,
  exceptions: `(module
    (import "env" "t" (tag $t (param f32))) (tag $e (export "e") (param i32 i64))
    (global exnref (ref.null exn))
    (func (result i32 i64) (local $l exnref)
      (block $h (result i32 i64) (block $r (result exnref) (block $x (result f32 exnref) (block $a
        (try_table (result i32 i64) (catch $e $h) (catch_ref $t $x) (catch_all $a) (catch_all_ref $r)
          (throw $e (i32.const 1) (i64.const 2))) return) unreachable) local.set $l drop local.get $l) throw_ref)))`,
  'legacy exceptions': `(module (tag $e (param i32)) (func (param i32) (result i32)
    try (result i32) local.get 0 throw $e catch $e catch_all rethrow 0 end
    try try nop delegate 0 catch_all end))`,
  vectors: `(module (memory 1) (func (result v128)
    (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (v128.const i32x4 1 2 3 4) (i8x16.splat (i32.const 3)))
    (f32x4.replace_lane 3 (f32.const 2)) (v128.load64_zero (i32.const 8)) f32x4.relaxed_min))`,
  'function references': `(module
    (type $t (func (param i32) (result i32)))
    (table 2 2 (ref $t) (ref.func $f))
    (global (ref $t) (ref.func $f)) (global (ref func) (ref.func $f))
    (elem declare func $f)
    (func $f (type $t) (local (ref null $t)) (local.get 0)
      (ref.as_non_null (local.get 1)) call_ref $t
      (block (br_on_null 0 (local.get 1)) drop)
      (block (result (ref $t)) (br_on_non_null 0 (local.get 1)) unreachable) (return_call_ref $t)))`,
  gc: `(module
    (rec (type $s (sub (struct (field i8) (field (mut i32)) (field (ref null $a))))) (type $a (array (mut i16))))
    (type $f (sub final (func (param (ref $s)) (result anyref))))
    (type (func))
    (import "env" "f" (func (type $f)))
    (global (ref null $s) (struct.new_default $s)) (global i31ref (ref.i31 (i32.const 4))) (func (type 3)))`,
  names: `(module $module
    (import "env" "imported" (func $imported)) (import "env" "unnamed" (func))
    (table $table 1 funcref) (memory $memory 1) (global $global i32 (i32.const 0)) (tag $tag)
    (func $first (param $p i32) (local $l i64)) (func (export "exported") (export "again")) (func $last (param i32) (local $x f32))
    (@custom "between" (after func) "\\01\\02") (@custom "end" "some bytes"))`,
};
