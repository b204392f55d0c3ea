;; A start function that loops and calls before _start: part of the program's run, and stoppable like the rest.
(module
  ;; include report.wat
  (global $sum (mut i64) (i64.const 0))
  (start $prepare)
  (func $prepare (local $i i64)
    (loop $next
      (global.set $sum (i64.add (global.get $sum) (call $i64 (local.get $i))))
      (i64.store (i32.wrap_i64 (i64.mul (local.get $i) (i64.const 8))) (global.get $sum))
      (br_if $next (i64.lt_u (local.tee $i (i64.add (local.get $i) (i64.const 1))) (i64.const 30)))))
  (func (export "_start")
    (call $expect (global.get $sum) (i64.const 435))
    (call $expect (i64.load (i32.const 80)) (i64.const 55))
    (call $pass)))
