;; The checksum of records and pages at the speed of memory; runtime/snapshot/stripes.ts defines it. The 32 lanes are
;; eight vectors of four; between calls they lie in the first 128 bytes of the module's own memory. The scratch area is the
;; 1 MiB from 65536 on. generate-memory-modules.mjs makes a variant for bytes that lie in a guest's memory: it imports the
;; lanes of this one, and its loads marked `(;data;)` name the guest's memory.
(module
  (memory (export "memory") 17 17)

  (func (export "start")
    (local $lane i32)
    (loop $next
      (i32.store
        (i32.shl (local.get $lane) (i32.const 2))
        (i32.mul (i32.add (local.get $lane) (i32.const 1)) (i32.const 0xc2b2ae3d)))
      (br_if $next (i32.lt_u (local.tee $lane (i32.add (local.get $lane) (i32.const 1))) (i32.const 32)))))

  (func (export "absorb") (param $at i32) (param $sizeBytes i32)
    (local $end i32)
    (local $a0 v128) (local $a1 v128) (local $a2 v128) (local $a3 v128)
    (local $a4 v128) (local $a5 v128) (local $a6 v128) (local $a7 v128)
    (local.set $a0 (v128.load offset=0 (i32.const 0)))
    (local.set $a1 (v128.load offset=16 (i32.const 0)))
    (local.set $a2 (v128.load offset=32 (i32.const 0)))
    (local.set $a3 (v128.load offset=48 (i32.const 0)))
    (local.set $a4 (v128.load offset=64 (i32.const 0)))
    (local.set $a5 (v128.load offset=80 (i32.const 0)))
    (local.set $a6 (v128.load offset=96 (i32.const 0)))
    (local.set $a7 (v128.load offset=112 (i32.const 0)))
    (local.set $end (i32.add (local.get $at) (local.get $sizeBytes)))
    (block $done
      (loop $stripe
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $a0 (call $round (local.get $a0) (v128.load (;data;) offset=0 (local.get $at))))
        (local.set $a1 (call $round (local.get $a1) (v128.load (;data;) offset=16 (local.get $at))))
        (local.set $a2 (call $round (local.get $a2) (v128.load (;data;) offset=32 (local.get $at))))
        (local.set $a3 (call $round (local.get $a3) (v128.load (;data;) offset=48 (local.get $at))))
        (local.set $a4 (call $round (local.get $a4) (v128.load (;data;) offset=64 (local.get $at))))
        (local.set $a5 (call $round (local.get $a5) (v128.load (;data;) offset=80 (local.get $at))))
        (local.set $a6 (call $round (local.get $a6) (v128.load (;data;) offset=96 (local.get $at))))
        (local.set $a7 (call $round (local.get $a7) (v128.load (;data;) offset=112 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 128)))
        (br $stripe)))
    (v128.store offset=0 (i32.const 0) (local.get $a0))
    (v128.store offset=16 (i32.const 0) (local.get $a1))
    (v128.store offset=32 (i32.const 0) (local.get $a2))
    (v128.store offset=48 (i32.const 0) (local.get $a3))
    (v128.store offset=64 (i32.const 0) (local.get $a4))
    (v128.store offset=80 (i32.const 0) (local.get $a5))
    (v128.store offset=96 (i32.const 0) (local.get $a6))
    (v128.store offset=112 (i32.const 0) (local.get $a7)))

  ;; Four lanes at once.
  (func $round (param $a v128) (param $words v128) (result v128)
    (local.set $a
      (i32x4.add (local.get $a) (i32x4.mul (local.get $words) (i32x4.splat (i32.const 0x85ebca77)))))
    (i32x4.mul
      (v128.or (i32x4.shl (local.get $a) (i32.const 13)) (i32x4.shr_u (local.get $a) (i32.const 19)))
      (i32x4.splat (i32.const 0x9e3779b1))))

  (func (export "finish") (param $lengthLow i32) (param $lengthHigh i32) (result i64)
    (local $lane i32) (local $low i32) (local $high i32)
    (local.set $low (i32.const 0x27d4eb2f))
    (local.set $high (i32.const 0x165667b1))
    (loop $next
      (local.set $low (call $mix (local.get $low) (i32.load (i32.shl (local.get $lane) (i32.const 2)))))
      (local.set $high
        (call $mix
          (local.get $high)
          (i32.load (i32.shl (i32.sub (i32.const 31) (local.get $lane)) (i32.const 2)))))
      (br_if $next (i32.lt_u (local.tee $lane (i32.add (local.get $lane) (i32.const 1))) (i32.const 32))))
    (local.set $low (call $mix (call $mix (local.get $low) (local.get $lengthLow)) (local.get $lengthHigh)))
    (local.set $high (call $mix (call $mix (local.get $high) (local.get $lengthLow)) (local.get $lengthHigh)))
    (i64.or
      (i64.shl (i64.extend_i32_u (call $avalanche (local.get $high))) (i64.const 32))
      (i64.extend_i32_u (call $avalanche (local.get $low)))))

  ;; round() of a single lane.
  (func $mix (param $a i32) (param $word i32) (result i32)
    (i32.mul
      (i32.rotl
        (i32.add (local.get $a) (i32.mul (local.get $word) (i32.const 0x85ebca77)))
        (i32.const 13))
      (i32.const 0x9e3779b1)))

  (func $avalanche (param $x i32) (result i32)
    (local.set $x
      (i32.mul (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 15))) (i32.const 0x85ebca77)))
    (local.set $x
      (i32.mul (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 13))) (i32.const 0xc2b2ae3d)))
    (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 16)))))
