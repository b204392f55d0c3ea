;; Exceptions in their standard form: try_table with all four kinds of catch, throw_ref, exnref values in locals and
;; operands across safe points.
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

  ;; Operands below the try_table, safe points before, inside and after.
  (func $catcher (param $kind i32) (result i64) (local $half f64)
    i64.const 10000
    (block $done (result i64)
      (block $all
        (block $pair (result i32 f64)
          (block $number (result i64)
            (try_table (result i64) (catch $number $number) (catch $pair $pair) (catch_all $all)
              i64.const 500
              (call $thrower (local.get $kind))
              i64.add)
            (br $done))
          (call $work (i32.const 2))
          (i64.add (call $i64 (i64.const 2)))
          (br $done))
        local.set $half
        i64.extend_i32_u
        (call $i64 (i64.trunc_f64_s (f64.mul (call $f64 (local.get $half)) (f64.const 10))))
        i64.add
        (br $done))
      (call $i64 (i64.const 3000)))
    i64.add)

  ;; Catches by reference and throws the same exception again, without a safe point while the reference lives.
  (func $again (param $kind i32) (result i64)
    (block $outer (result i64)
      (try_table (result i64) (catch $number $outer)
        (block $any (result exnref)
          (try_table (result i64) (catch_all_ref $any)
            (call $thrower (local.get $kind)))
          (return))
        (throw_ref))
      (return))
    (i64.add (call $i64 (i64.const 20))))

  ;; catch_ref gives the values and the reference.
  (func $by_reference (result i64)
    (block $caught (result i64 exnref)
      (try_table (catch_ref $number $caught)
        (drop (call $thrower (i32.const 0))))
      (return (i64.const -1)))
    drop
    (i64.add (call $i64 (i64.const 1))))

  ;; A try_table directly around a loop, which is left by an exception thrown some rounds later.
  (func $rounds (param $n i32) (result i64) (local $i i32)
    (block $caught (result i64)
      (try_table (catch $number $caught)
        (loop $next
          (call $work (i32.const 1))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (if (i32.eq (local.get $i) (local.get $n))
            (then (throw $number (i64.extend_i32_u (local.get $i)))))
          (br $next)))
      (unreachable))
    (i64.mul (call $i64 (i64.const 3))))

  ;; An exception that crosses frames without any handler of their own.
  (func $descend (param $depth i32) (result i64)
    (if (i32.eqz (local.get $depth)) (then (return (call $thrower (i32.const 0)))))
    (i64.add (i64.const 1) (call $descend (i32.sub (local.get $depth) (i32.const 1)))))

  (func (export "_start")
    (call $expect (call $catcher (i32.const 0)) (i64.const 10113))
    (call $expect (call $catcher (i32.const 1)) (i64.const 10012))
    (call $expect (call $catcher (i32.const 2)) (i64.const 13000))
    (call $expect (call $catcher (i32.const 3)) (i64.const 10501))
    (call $expect (call $again (i32.const 0)) (i64.const 131))
    (call $expect (call $again (i32.const 3)) (i64.const 1))
    (call $expect (call $by_reference) (i64.const 112))
    (call $expect (call $rounds (i32.const 25)) (i64.const 75))
    (call $expect
      (block $caught (result i64)
        (try_table (catch $number $caught)
          (drop (call $descend (i32.const 8))))
        (i64.const 0))
      (i64.const 111))
    (call $pass)))
