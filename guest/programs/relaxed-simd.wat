;; Relaxed SIMD with operands for which every machine agrees.
(module
  ;; include report.wat
  (func (export "_start") (local $v v128) (local $i i32)
    (local.set $v (v128.const f32x4 1 2 3 4))
    (loop $next
      (local.set $v (f32x4.relaxed_madd (local.get $v) (v128.const f32x4 2 1 0.5 1) (v128.const f32x4 1 1 1 -1)))
      (call $work (i32.const 1))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 12))))
    (call $say (i64x2.extract_lane 0 (local.get $v)))
    (call $say (i64x2.extract_lane 1 (local.get $v)))
    (call $say (i64x2.extract_lane 0
      (i8x16.relaxed_swizzle (local.get $v) (v128.const i8x16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0))))
    (call $pass)))
