;; Every numeric conversion with a safe point between operand and result, saturating ones included.
(module
  ;; include report.wat
  (func (export "_start") (local $i i32) (local $x f64) (local $sum i64)
    (local.set $x (f64.const -3.7e9))
    (loop $next
      (local.set $sum
        (i64.add (i64.rotl (local.get $sum) (i64.const 9))
          (i64.xor
            (i64.xor
              (i64.extend_i32_s (i32.trunc_sat_f64_s (call $f64 (local.get $x))))
              (i64.trunc_sat_f64_u (call $f64 (local.get $x))))
            (i64.xor
              (i64.extend_i32_u (i32.trunc_sat_f32_u (f32.demote_f64 (local.get $x))))
              (i64.trunc_sat_f32_s (call $f32 (f32.demote_f64 (local.get $x))))))))
      (local.set $sum
        (i64.xor (local.get $sum)
          (i64.reinterpret_f64
            (f64.add (f64.convert_i64_u (local.get $sum))
              (f64.promote_f32 (f32.convert_i32_s (i32.extend8_s (i32.wrap_i64 (local.get $sum)))))))))
      (local.set $sum (i64.add (i64.extend16_s (local.get $sum)) (i64.extend32_s (local.get $sum))))
      (local.set $x (f64.mul (local.get $x) (f64.const -1.9)))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 30))))
    (call $say (local.get $sum))
    (call $expect (i64.extend_i32_s (i32.trunc_sat_f32_s (call $f32 (f32.const nan)))) (i64.const 0))
    (call $expect (i64.trunc_sat_f64_s (call $f64 (f64.const inf))) (i64.const 0x7fffffffffffffff))
    (call $expect (i64.extend_i32_u (i32.trunc_f64_u (call $f64 (f64.const 4294967295.9)))) (i64.const 4294967295))
    (call $expect (i64.extend_i32_s (i32.trunc_f32_s (f32.convert_i64_s (call $i64 (i64.const -1234567))))) (i64.const -1234567))
    (call $pass)))
