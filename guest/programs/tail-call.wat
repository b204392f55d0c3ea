;; Tail calls, direct and through a table: a chain of them is a loop and must be stoppable, without any frame growing.
(module
  ;; include report.wat
  (type $step (func (param i32 i64) (result i64)))
  (table $steps funcref (elem $even $odd $finish))

  (func $count (param $n i32) (param $sum i64) (result i64)
    (if (i32.eqz (local.get $n)) (then (return (local.get $sum))))
    (return_call $count
      (i32.sub (local.get $n) (i32.const 1))
      (i64.add (local.get $sum) (i64.extend_i32_u (local.get $n)))))

  ;; Two functions that tail-call one another by index, with the next function chosen at run time.
  (func $even (type $step)
    (return_call_indirect $steps (type $step)
      (i32.sub (local.get 0) (i32.const 1))
      (i64.add (local.get 1) (i64.const 2))
      (select (i32.const 1) (i32.const 2) (local.get 0))))
  (func $odd (type $step)
    (return_call_indirect $steps (type $step)
      (i32.sub (local.get 0) (i32.const 1))
      (i64.mul (local.get 1) (i64.const 3))
      (select (i32.const 0) (i32.const 2) (local.get 0))))
  (func $finish (type $step) (return_call $i64 (local.get 1)))

  ;; A tail call out of nested blocks with operands left behind.
  (func $leave (param $n i32) (result i64)
    i64.const 1
    (block $b (result i64)
      f64.const 2
      (loop $l (result i64)
        (call $work (i32.const 1))
        (br_if $l (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0)))
        (return_call $count (i32.const 5) (i64.const 1000)))
      br $b)
    drop
    drop
    unreachable)

  (func (export "_start")
    (call $expect (call $count (i32.const 150) (i64.const 0)) (i64.const 11325))
    (call $expect (call $even (i32.const 30) (i64.const 1)) (i64.const 57395627))
    (call $expect (call $leave (i32.const 10)) (i64.const 1015))
    (return_call $pass)))
