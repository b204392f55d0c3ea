// Programs that together hold every control structure with values around it, for the tests that stop at every site.
// Each exports `run` and may call the functions of HOST; it is put into a module behind them.

import type { Argument } from './every-site.ts';

interface SiteSample {
  readonly wat: string;
  readonly args?: readonly Argument[];
  /** Points that a run must reach at least. */
  readonly points: number;
}

export const HOST = `
  (import "host" "i" (func $i (param i32) (result i32)))
  (import "host" "l" (func $l (param i64) (result i64)))
  (import "host" "f" (func $f (param f32) (result f32)))
  (import "host" "d" (func $d (param f64) (result f64)))
  (import "host" "pair" (func $pair (param i32) (result i32 i64)))
  (import "host" "note" (func $note (param i32)))`;

export const SAMPLES: Readonly<Record<string, SiteSample>> = {
  'loop with parameters and results': {
    points: 10,
    wat: `(func (export "run") (result i64 i32) (local $n i32)
      i64.const 3  i32.const 100
      loop $again (param i64 i32) (result i64 i32)
        (call $note (local.get $n))
        i32.const 1 i32.add
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 5)))
      end
      (drop (call $i (i32.const 9))))`,
  },
  'nested loops, values below both': {
    points: 20,
    wat: `(func (export "run") (result i32) (local $a i32) (local $b i32) (local $sum i32)
      i32.const 1000
      loop $outer (result i32)
        i32.const 7
        (local.set $b (i32.const 0))
        loop $inner
          (local.set $sum (i32.add (local.get $sum) (i32.mul (local.get $a) (local.get $b))))
          (call $note (local.get $sum))
          (local.set $b (i32.add (local.get $b) (i32.const 1)))
          (br_if $inner (i32.lt_s (local.get $b) (i32.const 3)))
        end
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (br_if $outer (i32.lt_s (local.get $a) (i32.const 4)))
      end
      i32.add  local.get $sum i32.add)`,
  },
  'nine nested loops, one with a parameter, each begun again': {
    points: 20,
    wat: `(func $visit (param $n i32) (result i32) (call $note (local.get $n)) (local.get $n))
     (func (export "run") (result i32 i32) (local $n i32) (local $sum i32)
      i32.const 100
      loop $a
        loop $b
          (local.set $sum (i32.add (local.get $sum) (i32.const 1)))
          i32.const 3
          loop $c (param i32) (result i32)
            loop $d loop $e
              (local.set $sum (i32.add (local.get $sum) (i32.const 10)))
              loop $f loop $g loop $h loop $i
                (local.set $n (i32.add (call $visit (local.get $n)) (i32.const 1)))
                (br_if $i (i32.eq (local.get $n) (i32.const 1)))
                (br_if $h (i32.eq (local.get $n) (i32.const 2)))
                (br_if $g (i32.eq (local.get $n) (i32.const 3)))
                (br_if $f (i32.eq (local.get $n) (i32.const 4)))
              end end end end
              (br_if $e (i32.eq (local.get $n) (i32.const 5)))
              (br_if $d (i32.eq (local.get $n) (i32.const 6)))
            end end
            i32.const 1 i32.add
            (br_if $c (i32.eq (local.get $n) (i32.const 7)))
          end
          local.get $sum i32.add local.set $sum
          (br_if $b (i32.eq (local.get $n) (i32.const 8)))
        end
        (br_if $a (i32.eq (local.get $n) (i32.const 9)))
      end
      local.get $sum)`,
  },
  'block results above values, branches out of everything': {
    points: 12,
    wat: `(func $pick (param $n i32) (result i32 i64) (local $low i64)
      i32.const 50
      block $b (result i32 i64)
        i32.const 1  i64.const 2
        block $c (param i32 i64) (result i32 i64)
          call $l
          (br_if $b (i32.eq (local.get $n) (i32.const 0)))
          i64.const 5  i64.add
          (br_if $c (i32.eq (local.get $n) (i32.const 1)))
          local.set $low  call $i  local.get $low
          (br_if 2 (i32.eq (local.get $n) (i32.const 2)))
          call $l
        end
        call $l
      end
      local.set $low  i32.add  local.get $low)
     (func (export "run") (result i64) (local $n i32) (local $sum i64) (local $x i64)
      loop $again
        (call $pick (local.get $n))
        local.set $x  i64.extend_i32_s  local.get $x  i64.add  local.get $sum  i64.add  local.set $sum
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 4)))
      end
      local.get $sum)`,
  },
  'if arms with parameters': {
    points: 3,
    wat: `(func $arm (param $c i32) (result f64)
      f64.const 0.5  i32.const 3
      local.get $c
      if (param i32) (result f64)
        call $i f64.convert_i32_s call $d
      else
        drop f64.const -1.25 call $d
      end
      f64.add)
     (func (export "run") (result f64) (f64.sub (call $arm (i32.const 1)) (call $arm (i32.const 0))))`,
  },
  'if without else in a loop': {
    points: 10,
    wat: `(func (export "run") (result i32) (local $n i32)
      loop $again
        (if (i32.and (local.get $n) (i32.const 1)) (then (call $note (local.get $n))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 8)))
      end local.get $n)`,
  },
  br_table: {
    points: 20,
    wat: `(func $case (param $n i32) (result i32)
      i32.const 1000
      block $default (param i32) (result i32)
        block $two (param i32) (result i32)
          block $one (param i32) (result i32)
            block $zero (param i32) (result i32)
              local.get $n  call $i  local.get $n  i32.add  i32.const 3  i32.and
              br_table $zero $one $two $default
            end
            (drop (call $i (i32.const 10)))  i32.const 1  i32.add  return
          end
          (call $note (i32.const 11))  call $i
        end
        i32.const 5  i32.add  (call $note (i32.const 12))
      end
      (call $i (i32.const 13))  i32.add)
     (func (export "run") (result i32) (local $n i32) (local $sum i32)
      loop $again
        (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 3)) (call $case (local.get $n))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 8)))
      end
      local.get $sum)`,
  },
  'local.get below a call, overwritten later': {
    points: 5,
    wat: `(func (export "run") (result i32) (local $x i32) (local $y i32)
      (local.set $x (i32.const 7))
      local.get $x  local.get $x
      (local.set $x (call $i (i32.const 1)))
      (local.tee $y (call $i (local.get $x)))
      local.get $y
      (local.set $y (call $i (i32.const 2)))
      (call $note (local.get $y))
      i32.sub i32.add i32.mul local.get $x i32.xor (call $i (i32.const 4)) i32.add)`,
  },
  'constants, select and tees below calls': {
    points: 3,
    wat: `(func (export "run") (param $p i32) (result i64) (local $t i64)
      i64.const -5  i64.const 6  local.get $p select
      (local.tee $t (i64.const 77))
      (f32.const nan:0x200001) (call $f (f32.const 2)) drop
      i32.reinterpret_f32 i64.extend_i32_u i64.xor
      (call $l (i64.const 3)) i64.add i64.add local.get $t i64.add
      (call $pair (i32.const 1)) local.set $t drop
      local.get $t i64.add)`,
    args: [0],
  },
  'NaN bits in locals, operands and globals': {
    points: 3,
    wat: `(memory (export "memory") 1)
     (global $g (mut f32) (f32.const nan:0x200001)) (global $h (mut f64) (f64.const -nan:0x4000000000001))
     (global $v (mut v128) (v128.const i32x4 1 2 3 4))
     (func (export "run") (local $x f32) (local $y f64) (local $v v128)
      (local.set $x (f32.reinterpret_i32 (i32.const 0x7fa00001)))
      (local.set $y (f64.reinterpret_i64 (i64.const 0x7ff4000000000001)))
      (local.set $v (v128.const i32x4 5 6 7 8))
      i32.const 0 (f32.reinterpret_i32 (i32.const -6291453))
      i32.const 64 (i32x4.splat (i32.const 3))
      (call $note (i32.const 0))
      v128.store f32.store
      (f32.store (i32.const 8) (local.get $x)) (f64.store (i32.const 16) (local.get $y))
      (v128.store (i32.const 32) (local.get $v)) (v128.store (i32.const 48) (global.get $v))
      (f32.store (i32.const 80) (global.get $g)) (f64.store (i32.const 88) (global.get $h))
      (global.set $g (f32.reinterpret_i32 (i32.const 0x7f800001)))
      (global.set $v (local.get $v)) (call $note (i32.const 1)) (call $note (i32.const 2))
      (f32.store (i32.const 96) (global.get $g)))`,
  },
  'recursion, values below the recursive call': {
    points: 20,
    wat: `(func $fib (param $n i64) (result i64)
      (if (result i64) (i64.lt_u (local.get $n) (i64.const 2)) (then (local.get $n))
       (else (i64.add (call $fib (i64.sub (local.get $n) (i64.const 1))) (call $fib (i64.sub (local.get $n) (i64.const 2)))))))
     (func (export "run") (result i64) (call $fib (i64.const 7)))`,
  },
  'mutual recursion through a table': {
    points: 13,
    wat: `(type $t (func (param i32) (result i32)))
     (table funcref (elem $even $odd $host))
     (func $even (type $t) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
       (else (i32.add (i32.const 10) (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1))))))
     (func $odd (type $t) (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
       (else (i32.add (call_indirect (type $t) (local.get 0) (i32.const 2)) (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))))
     (func $host (type $t) (call $i (local.get 0)))
     (func (export "run") (result i32) (call $even (i32.const 16)))`,
  },
  'tail calls': {
    points: 15,
    wat: `(type $t (func (param i32 i64) (result i64)))
     (table funcref (elem $down $done $last))
     (func $down (type $t)
       (if (i32.eqz (local.get 0)) (then (return_call_indirect (type $t) (i32.const 3) (local.get 1) (i32.const 1))))
       (return_call $down (i32.sub (local.get 0) (i32.const 1)) (i64.add (local.get 1) (i64.const 2))))
     (func $done (type $t) (call $note (local.get 0)) (return_call $last (local.get 0) (local.get 1)))
     (func $last (type $t) (return_call $l (i64.add (local.get 1) (i64.extend_i32_u (local.get 0)))))
     (func (export "run") (result i64) (i64.mul (call $down (i32.const 11) (i64.const 1)) (call $l (i64.const 2))))`,
  },
  'an import as the entry of a tail call': {
    points: 1,
    wat: '(func (export "run") (result i32) (return_call $i (i32.const 4)))',
  },
  'memory64, several memories, memory.grow': {
    points: 6,
    wat: `(memory (export "memory") 1 3) (memory $big i64 1 4)
     (func (export "run") (result i64 i32) (local $n i64)
      (i64.store $big (i64.const 8) (i64.const 3))
      loop $again
        (i64.store $big (local.get $n) (call $l (i64.load $big (i64.const 8))))
        (local.set $n (i64.add (local.get $n) (i64.const 8)))
        (br_if $again (i64.lt_u (local.get $n) (i64.const 32)))
      end
      (memory.copy 0 $big (i32.const 0) (i64.const 0) (i32.const 40))
      (memory.grow $big (i64.const 1)) (memory.grow (i32.const 1)) (call $note (i32.const 0))
      (drop (memory.grow $big (i64.const 1))) (call $note (i32.const 1))
      i64.extend_i32_s i64.add (memory.size $big) i64.add (memory.size))`,
  },
  'passive segments and bulk operations': {
    points: 5,
    wat: `(memory (export "memory") 1) (data $d "hello, passive") (data $e "dropped")
     (type $t (func (param i32) (result i32)))
     (table $t 6 10 funcref) (elem $p func $a $b $a) (elem $q func $b) (elem declare func $b)
     (func $a (type $t) (i32.add (local.get 0) (i32.const 1)))
     (func $b (type $t) (call $i (local.get 0)))
     (func (export "run") (result i32)
      (call $note (i32.const 0))
      (memory.init $d (i32.const 3) (i32.const 0) (i32.const 5)) (data.drop $e)
      (table.init $t $p (i32.const 1) (i32.const 0) (i32.const 3)) (elem.drop $q)
      (call $note (i32.const 1))
      (memory.init $d (i32.const 30) (i32.const 2) (i32.const 9)) (data.drop $d)
      (table.copy $t $t (i32.const 4) (i32.const 1) (i32.const 2)) (elem.drop $p)
      (drop (table.grow $t (ref.func $b) (i32.const 2)))
      (call $note (i32.const 2))
      (memory.fill (i32.const 50) (i32.const 7) (i32.const 4))
      (table.fill $t (i32.const 0) (ref.func $a) (i32.const 1))
      (i32.add (call_indirect $t (type $t) (i32.const 5) (i32.const 7)) (call_indirect $t (type $t) (i32.const 5) (i32.const 5))))`,
  },
  'references in locals, operands, globals and tables': {
    points: 5,
    wat: `(type $t (func (param i32) (result i32))) (table $t 2 funcref) (table $x 3 externref)
     (global $g (mut funcref) (ref.null func)) (elem declare func $a $b)
     (func $a (type $t) (i32.add (local.get 0) (i32.const 1)))
     (func $b (type $t) (call $i (i32.mul (local.get 0) (i32.const 2))))
     (func (export "run") (result i32) (local $f funcref) (local $never funcref) (local $x externref)
      (local.set $f (ref.func $b))
      (global.set $g (ref.func $a))
      ref.func $a  ref.null func  (table.get $x (i32.const 1))
      (call $note (i32.const 1))
      ref.is_null  if (call $note (i32.const 2)) end
      ref.is_null  if (call $note (i32.const 3)) end
      global.set $g
      (call $note (i32.const 4))
      (table.set $t (i32.const 0) (global.get $g))
      (table.set $t (i32.const 1) (local.get $f))
      (call_indirect $t (type $t) (i32.const 5) (i32.const 0))
      (call_indirect $t (type $t) (i32.const 5) (i32.const 1))
      i32.sub  local.get $never  ref.is_null  i32.add  local.get $x  ref.is_null  i32.add)`,
  },
  'SIMD values everywhere': {
    points: 5,
    wat: `(memory (export "memory") 1)
     (func $step (param $v v128) (result v128) (call $note (i32x4.extract_lane 0 (local.get $v)))
       (i32x4.add (local.get $v) (v128.const i32x4 1 2 3 4)))
     (func (export "run") (local $n i32) (local $v v128)
      i32.const 128 v128.const i64x2 9 10
      loop $again
        (local.set $v (call $step (local.get $v)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 3)))
      end
      (local.get $v) i64x2.add v128.store)`,
  },
  'atomic waits and notifies': {
    points: 12,
    wat: `(memory (export "memory") 1 2 shared) (memory $m 1) (memory $big i64 1 1 shared)
     (func (export "run") (result i32 i64) (local $n i32) (local $sum i32)
      (i32.atomic.store (i32.const 8) (i32.const 5))
      i64.const 77
      loop $again
        (memory.atomic.wait32 offset=8 (i32.const 0) (local.get $n) (i64.const 0))
        (memory.atomic.wait64 $big offset=65528 (i64.const 0) (i64.const 0) (i64.const 0))
        (call $i (memory.atomic.notify (i32.const 8) (i32.const 1)))
        (memory.atomic.notify $m (i32.const 8) (i32.const 1))
        i32.add  i32.add  i32.add  local.get $sum  i32.add  local.set $sum
        (local.set $n (i32.add (local.get $n) (i32.const 5)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 12)))
      end
      local.get $sum
      i64.const 3
      call $swap)
     (func $swap (param i64 i32 i64) (result i32 i64) local.get 1 local.get 0)`,
  },
  'an atomic wait at no multiple of its size': {
    points: 1,
    wat: `(memory 1 1 shared)
     (func (export "run") (result i32) (call $note (i32.const 1))
      (memory.atomic.wait64 (i32.const 4) (i64.const 0) (i64.const 0)))`,
  },
  'an atomic wait out of bounds': {
    points: 1,
    wat: `(memory 1 1 shared)
     (func (export "run") (result i32) (call $note (i32.const 1))
      (memory.atomic.wait32 offset=0xfffffffc (i32.const 8) (i32.const 0) (i64.const 0)))`,
  },
  'a start function': {
    points: 4,
    wat: `(memory (export "memory") 1) (global $g (mut i32) (i32.const 0))
     (func $start (global.set $g (call $i (i32.const 3))) (i32.store (i32.const 0) (global.get $g)))
     (start $start)
     (func (export "run") (result i32) (call $note (global.get $g)) (call $note (i32.const 1)) (call $i (global.get $g)))`,
  },
  'a trap after stops': {
    points: 3,
    wat: `(func (export "run") (result i32) (local $z i32)
      (call $note (i32.const 1)) (call $note (i32.const 2)) (drop (call $i (i32.const 3)))
      (i32.div_u (i32.const 1) (local.get $z)))`,
  },
  'unreachable code of all kinds': {
    points: 3,
    wat: `(func (export "run") (result i32)
      block (result i32)
        (call $i (i32.const 1))
        br 0
        call $i  drop
        loop br 0 end
        block (result i32) i32.const 1 call $i unreachable end
      end
      call $i
      if (result i32)
        (call $note (i32.const 3))  i32.const 5  return
        (call $note (i32.const 4))  i32.const 0
      else
        (call $note (i32.const 5))  unreachable
        (call $i (i32.const 6))
      end)`,
  },
  'legacy exceptions: rethrow after calls in nested handlers': {
    points: 20,
    wat: `(tag $a (param i32)) (tag $b (param i64 f64)) (tag $c)
     (func $thrower (param $n i32)
      (if (i32.eq (local.get $n) (i32.const 0)) (then (throw $a (call $i (i32.const 5)))))
      (if (i32.eq (local.get $n) (i32.const 1)) (then (throw $b (call $l (i64.const 6)) (call $d (f64.const 7)))))
      (if (i32.eq (local.get $n) (i32.const 2)) (then (throw $c)))
      (call $note (local.get $n)))
     (func $middle (param $n i32) (result i32) (local $x i32)
      (local.set $x (i32.const 11))
      i32.const 100
      try (result i32)
        (call $thrower (local.get $n))  i32.const 1
      catch $a
        (call $note (i32.const 20))
        local.set $x
        try
          (call $thrower (i32.const 2))
        catch_all
          (call $note (i32.const 21))
          (call $note (local.get $x))
          rethrow 1
        end
        i32.const 0
      catch_all
        (call $note (i32.const 22))
        try
          (call $thrower (i32.const 0))
        catch $a
          call $note
          (if (i32.eq (local.get $n) (i32.const 1)) (then (call $note (i32.const 23)) (rethrow 2)))
          rethrow 1
        end
        i32.const 0
      end
      i32.add  local.get $x  i32.add)
     (func (export "run") (result i32) (local $n i32) (local $sum i32)
      loop $again
        try
          (local.set $sum (i32.add (local.get $sum) (call $middle (local.get $n))))
        catch $a
          local.get $sum  i32.add  call $i  local.set $sum
        catch $b
          drop  call $l  i32.wrap_i64  local.get $sum  i32.add  local.set $sum
        catch_all
          (call $note (i32.const 30))
          (local.set $sum (i32.mul (local.get $sum) (i32.const 3)))
        end
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 4)))
      end
      local.get $sum)`,
  },
  'legacy exceptions: delegate, a landing pad, an exception out of the module': {
    points: 8,
    wat: `(tag $e (param i32))
     (func $destructor (param i32) (call $note (local.get 0)))
     (func $throws (param i32) (throw $e (call $i (local.get 0))))
     (func $cleans (result i32)
      i32.const 4
      try (result i32)
        try (result i32)
          try (result i32) (call $throws (i32.const 3)) i32.const 1 delegate 1
        catch_all
          (call $note (i32.const 99)) i32.const 2
        end
      catch_all
        (call $destructor (i32.const 40)) (call $destructor (i32.const 41))
        rethrow 0
      end
      i32.add)
     (func (export "run") (result i32)
      try (result i32) (call $cleans) catch $e (call $note (i32.const 50)) call $i end
      drop
      (call $cleans))`,
  },
  'legacy exceptions: a loop around, within and behind handlers': {
    points: 25,
    wat: `(tag $e (param i32 v128))
     (func (export "run") (result i32) (local $n i32) (local $m i32)
      loop $outer
        try
          try
            (throw $e (local.get $n) (i32x4.splat (local.get $n)))
          catch $e
            i32x4.extract_lane 1  i32.add  local.set $m
            loop $inner
              (call $note (local.get $m))
              (local.tee $m (i32.sub (local.get $m) (i32.const 1)))
              (br_if $inner (i32.gt_s (i32.const 0)))
            end
            rethrow 0
          end
        catch $e
          drop  local.set $m
          (call $note (local.get $m))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $outer (i32.lt_s (local.get $n) (i32.const 4)))
        end
      end
      local.get $m)`,
  },
  'standard exceptions: references in locals and operands': {
    points: 14,
    wat: `(tag $a (param i32)) (tag $b (param i64 f64 funcref v128)) (tag $c)
     (func $thrower (param $n i32)
      (if (i32.eq (local.get $n) (i32.const 0)) (then (throw $a (call $i (i32.const 5)))))
      (if (i32.eq (local.get $n) (i32.const 1))
       (then (throw $b (call $l (i64.const 6)) (f64.const nan:0x8000000000001) (ref.func $thrower) (v128.const i32x4 1 2 3 4))))
      (throw $c))
     (elem declare func $thrower)
     (func $catches (param $n i32) (result exnref)
      block $all (result exnref)
        try_table (catch_all_ref $all)
          (call $thrower (local.get $n))
        end
        unreachable
      end)
     (func $throws_again (param $e exnref) (result i32) (local $x i64) (local $v v128)
      block $none
        block $two (result i64 f64 funcref v128 exnref)
          block $one (result i32)
            try_table (catch $a $one) (catch_ref $b $two) (catch_all $none)
              local.get $e
              throw_ref
            end
            unreachable
          end
          call $i
          return
        end
        drop  local.set $v  ref.is_null  (call $note (i32.const 1))
        if (call $note (i32.const 9)) end
        i64.reinterpret_f64  i64.add  local.set $x
        local.get $x  i32.wrap_i64  (i32x4.extract_lane 2 (local.get $v))  i32.add
        return
      end
      i32.const 77)
     (func (export "run") (result i32) (local $n i32) (local $sum i32) (local $e exnref)
      loop $again
        (call $catches (local.get $n))
        (call $catches (i32.sub (i32.const 2) (local.get $n)))
        local.set $e
        (call $note (local.get $n))
        call $throws_again
        (call $throws_again (local.get $e))
        i32.sub  local.get $sum  i32.add  local.set $sum
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 3)))
      end
      ref.null exn
      (call $note (i32.const 8))
      ref.is_null  local.get $sum  i32.add)`,
  },
  'standard exceptions: catch_all around everything, out of resumed frames': {
    points: 10,
    wat: `(tag $a (param i32))
     (func $deep (param $n i32) (result i32)
      (if (i32.eqz (local.get $n)) (then (throw $a (call $i (i32.const 3)))))
      block $caught
        try_table (result i32) (catch_all $caught)
          (call $note (local.get $n))
          (if (i32.eq (local.get $n) (i32.const 2)) (then (return (call $escapes (local.get $n)))))
          (call $deep (i32.sub (local.get $n) (i32.const 1)))
        end
        return
      end
      (call $note (i32.add (local.get $n) (i32.const 100)))
      (throw $a (local.get $n)))
     (func $escapes (param $n i32) (result i32)
      i32.const 9
      block $h (result i32)
        try_table (catch $a $h)
          (drop (call $deep (i32.sub (local.get $n) (i32.const 1))))
        end
        unreachable
      end
      (call $note (i32.const 200))  i32.add)
     (func (export "run") (result i32) (call $deep (i32.const 4)))`,
  },
};
