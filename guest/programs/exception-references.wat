;; exnref values that live in locals and below calls across safe points: the exception behind them has to be rebuilt, or
;; a snapshot refused there by name.
(module
  ;; include report.wat
  (tag $number (param i64))
  (func $throw (param i64) (throw $number (local.get 0)))

  (func $hold (param $value i64) (result exnref) (local $held exnref)
    (block $any (result exnref)
      (try_table (catch_all_ref $any) (call $throw (local.get $value)))
      (unreachable))
    local.set $held
    (call $work (i32.const 3))
    (local.get $held))

  (func $open (param $held exnref) (result i64)
    (block $number (result i64)
      (try_table (catch $number $number)
        (call $work (i32.const 2))
        (throw_ref (local.get $held)))
      (unreachable)))

  (func (export "_start") (local $first exnref)
    (local.set $first (call $hold (i64.const 5)))
    (call $hold (i64.const 6))
    (call $work (i32.const 2))
    (call $open)
    (call $expect (i64.const 6))
    (call $expect (call $open (local.get $first)) (i64.const 5))
    (call $pass)))
