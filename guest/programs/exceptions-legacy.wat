;; Exceptions in their legacy form: try/catch/catch_all/delegate/rethrow, with safe points in bodies and handlers.
(module
  ;; include report.wat
  (tag $number (param i64))
  (tag $pair (param i32 f64))
  (tag $empty)

  (func $thrower (param $kind i32) (result i64)
    (call $work (i32.const 1))
    (block $d (block $c (block $b (block $a
      (br_table $a $b $c $d (local.get $kind)))
      (throw $number (i64.const 111)))
      (throw $pair (i32.const 7) (f64.const 0.5)))
      (throw $empty))
    (i64.const 1))

  ;; Operands below the try, safe points before, inside and after every handler.
  (func $catcher (param $kind i32) (result i64) (local $half f64)
    i64.const 10000
    (try $t (result i64)
      (do
        i64.const 500
        (call $thrower (local.get $kind))
        i64.add)
      (catch $number
        (call $work (i32.const 2))
        (i64.add (call $i64 (i64.const 2))))
      (catch $pair
        local.set $half
        i64.extend_i32_u
        (call $i64 (i64.trunc_f64_s (f64.mul (call $f64 (local.get $half)) (f64.const 10))))
        i64.add)
      (catch_all
        (call $i64 (i64.const 3000))))
    i64.add)

  ;; rethrow from inside nested handlers, after stops in both.
  (func $rethrower (param $kind i32) (result i64)
    (try $outer (result i64)
      (do
        (try $inner (result i64)
          (do (call $thrower (local.get $kind)))
          (catch_all
            (call $work (i32.const 2))
            (try (result i64)
              (do (call $thrower (i32.const 2)))
              (catch $empty
                (call $work (i32.const 2))
                (rethrow $inner))))))
      (catch $number
        (i64.add (call $i64 (i64.const 20))))))

  ;; delegate hands the exception to the outer try, past the one between.
  (func $delegator (param $kind i32) (result i64)
    (try $outer (result i64)
      (do
        (try $skipped (result i64)
          (do
            (try (result i64)
              (do (i64.add (call $i64 (i64.const 5)) (call $thrower (local.get $kind))))
              (delegate $outer)))
          (catch_all (call $i64 (i64.const -1)))))
      (catch $number (i64.add (i64.const 1000)))
      (catch_all (call $work (i32.const 1)) (i64.const 77))))

  ;; An exception that crosses several frames, each with a catch_all that puts things in order and rethrows.
  (global $cleanups (mut i64) (i64.const 0))
  (func $descend (param $depth i32) (result i64)
    (try (result i64)
      (do
        (if (result i64) (i32.eqz (local.get $depth))
          (then (call $thrower (i32.const 0)))
          (else (i64.add (i64.const 1) (call $descend (i32.sub (local.get $depth) (i32.const 1)))))))
      (catch_all
        (global.set $cleanups (i64.add (global.get $cleanups) (call $i64 (i64.const 1))))
        (rethrow 0))))

  ;; A try in a loop: the loop goes on from inside the handler.
  (func $retry (param $tries i32) (result i64) (local $sum i64)
    (loop $again
      (try
        (do
          (local.set $sum (i64.add (local.get $sum) (call $thrower (local.get $tries)))))
        (catch $number
          (local.set $sum (i64.add (local.get $sum)))
          (call $work (i32.const 1)))
        (catch_all
          (local.set $sum (i64.add (local.get $sum) (i64.const 50)))
          (local.set $tries (i32.sub (local.get $tries) (i32.const 1)))
          (br $again))))
    (local.get $sum))

  (func (export "_start") (local $caught i64)
    (call $expect (call $catcher (i32.const 0)) (i64.const 10113))
    (call $expect (call $catcher (i32.const 1)) (i64.const 10012))
    (call $expect (call $catcher (i32.const 2)) (i64.const 13000))
    (call $expect (call $catcher (i32.const 3)) (i64.const 10501))
    (call $expect (call $rethrower (i32.const 0)) (i64.const 131))
    (call $expect (call $rethrower (i32.const 3)) (i64.const 1))
    (call $expect (call $delegator (i32.const 0)) (i64.const 1111))
    (call $expect (call $delegator (i32.const 1)) (i64.const 77))
    (call $expect (call $delegator (i32.const 3)) (i64.const 6))
    (try
      (do (drop (call $descend (i32.const 6))))
      (catch $number (local.set $caught)))
    (call $expect (local.get $caught) (i64.const 111))
    (call $expect (global.get $cleanups) (i64.const 7))
    (call $expect (call $retry (i32.const 2)) (i64.const 211))
    (call $pass)))
