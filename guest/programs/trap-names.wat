;; A trap under named functions whose frames hold operands: the backtrace shows $inner, $middle, $outer in this order.
(module
  ;; include report.wat
  (func $inner (param $n i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (call $say (i64.const 0xdead)) unreachable))
    (i32.add (i32.const 1) (call $inner (i32.sub (local.get $n) (i32.const 1)))))
  (func $middle (result i32) i32.const 3 (call $inner (i32.const 2)) i32.add)
  (func $outer (result i32) i32.const 4 (call $middle) i32.add)
  (func (export "_start") (call $say (i64.extend_i32_u (call $outer)))))
