;; Two loops over a guest's memory that find what changed since the last capture. page-diff.ts says how they are used,
;; page-diff-generate.mjs makes the variants for shared and 64-bit memories: it replaces what `(;address;)`, `(;length;)`
;; and `(;widen;)` mark, and the limits of the guest's memory.
;;
;; One byte of $state stands for each 4 KiB page:
;;   bit 0  the page held something other than zeros at the last capture
;;   bit 1  it has changed since the host cleared this bit
;;
;;   $guest  the memory of the program; only read
;;   $copy   what it held at the last capture; only pages with bit 0 are ever looked at or written, so a page
;;           of zeros never takes room in it
;;   $state  belongs to the host: the bytes above, then the keys and the hashes
(module
  (import "guest" "memory" (memory $guest (;limits;) 0))
  (import "own" "copy" (memory $copy (;copy;) 0))
  (import "own" "state" (memory $state 1))

  ;; Pages $first up to $end against $copy, which afterwards holds the same. $states: where the byte of page 0 lies.
  (func (export "compare") (param $first i32) (param $end i32) (param $states i32)
    (local $page i32) (local $state i32) (local $at i32 (;address;))
    (local.set $page (local.get $first))
    (block $done
      (loop $pages
        (br_if $done (i32.ge_u (local.get $page) (local.get $end)))
        (local.set $at
          (i32.shl (;address;) (i64.to_address (;widen;) (local.get $page)) (i32.const (;address;) 12)))
        (local.set $state (i32.load8_u $state (i32.add (local.get $states) (local.get $page))))
        (if (i32.and (local.get $state) (i32.const 1))
          (then
            (if (call $differs (local.get $at))
              (then
                (memory.copy $copy $guest (local.get $at) (local.get $at) (i32.const (;length;) 4096))
                (i32.store8 $state
                  (i32.add (local.get $states) (local.get $page))
                  (i32.or (i32.const 2) (call $holdsAnything (local.get $at)))))))
          (else
            (if (call $holdsAnything (local.get $at))
              (then
                (memory.copy $copy $guest (local.get $at) (local.get $at) (i32.const (;length;) 4096))
                (i32.store8 $state (i32.add (local.get $states) (local.get $page)) (i32.const 3))))))
        (local.set $page (i32.add (local.get $page) (i32.const 1)))
        (br $pages))))

  ;; 1 or 0; leaves at the first 128 bytes that differ.
  (func $differs (param $at i32 (;address;)) (result i32)
    (local $end i32 (;address;))
    (local.set $end (i32.add (;address;) (local.get $at) (i32.const (;address;) 4096)))
    (loop $again
      (if (v128.any_true
            (v128.or
              (v128.or
                (v128.or
                  (v128.xor (v128.load $guest (local.get $at)) (v128.load $copy (local.get $at)))
                  (v128.xor (v128.load $guest offset=16 (local.get $at)) (v128.load $copy offset=16 (local.get $at))))
                (v128.or
                  (v128.xor (v128.load $guest offset=32 (local.get $at)) (v128.load $copy offset=32 (local.get $at)))
                  (v128.xor (v128.load $guest offset=48 (local.get $at)) (v128.load $copy offset=48 (local.get $at)))))
              (v128.or
                (v128.or
                  (v128.xor (v128.load $guest offset=64 (local.get $at)) (v128.load $copy offset=64 (local.get $at)))
                  (v128.xor (v128.load $guest offset=80 (local.get $at)) (v128.load $copy offset=80 (local.get $at))))
                (v128.or
                  (v128.xor (v128.load $guest offset=96 (local.get $at)) (v128.load $copy offset=96 (local.get $at)))
                  (v128.xor (v128.load $guest offset=112 (local.get $at)) (v128.load $copy offset=112 (local.get $at)))))))
        (then (return (i32.const 1))))
      (local.set $at (i32.add (;address;) (local.get $at) (i32.const (;address;) 128)))
      (br_if $again (i32.lt_u (;address;) (local.get $at) (local.get $end))))
    (i32.const 0))

  ;; 1 or 0; leaves at the first 64 bytes that hold anything.
  (func $holdsAnything (param $at i32 (;address;)) (result i32)
    (local $end i32 (;address;))
    (local.set $end (i32.add (;address;) (local.get $at) (i32.const (;address;) 4096)))
    (loop $again
      (if (v128.any_true
            (v128.or
              (v128.or (v128.load $guest (local.get $at)) (v128.load $guest offset=16 (local.get $at)))
              (v128.or (v128.load $guest offset=32 (local.get $at)) (v128.load $guest offset=48 (local.get $at)))))
        (then (return (i32.const 1))))
      (local.set $at (i32.add (;address;) (local.get $at) (i32.const (;address;) 64)))
      (br_if $again (i32.lt_u (;address;) (local.get $at) (local.get $end))))
    (i32.const 0))

  ;; The same without $copy: each page against the 16 bytes at $hashes + 16 * page, which afterwards are its hash.
  ;; $keys: 4128 random bytes.
  (func (export "compareHashes") (param $first i32) (param $end i32) (param $states i32) (param $hashes i32) (param $keys i32)
    (local $page i32) (local $at i32 (;address;)) (local $place i32) (local $hash v128)
    (local.set $page (local.get $first))
    (block $done
      (loop $pages
        (br_if $done (i32.ge_u (local.get $page) (local.get $end)))
        (local.set $at
          (i32.shl (;address;) (i64.to_address (;widen;) (local.get $page)) (i32.const (;address;) 12)))
        (local.set $place (i32.add (local.get $states) (local.get $page)))
        (if (call $holdsAnything (local.get $at))
          (then
            (local.set $hash (call $hash (local.get $at) (local.get $keys)))
            (if (i32.or
                  (i32.eqz (i32.and (i32.load8_u $state (local.get $place)) (i32.const 1)))
                  (v128.any_true
                    (v128.xor
                      (local.get $hash)
                      (v128.load $state (i32.add (local.get $hashes) (i32.shl (local.get $page) (i32.const 4)))))))
              (then
                (v128.store $state
                  (i32.add (local.get $hashes) (i32.shl (local.get $page) (i32.const 4)))
                  (local.get $hash))
                (i32.store8 $state (local.get $place) (i32.const 3)))))
          (else
            (if (i32.and (i32.load8_u $state (local.get $place)) (i32.const 1))
              (then (i32.store8 $state (local.get $place) (i32.const 2))))))
        (local.set $page (i32.add (local.get $page) (i32.const 1)))
        (br $pages))))

  ;; NH, the universal hash of UMAC (RFC 4418), twice with shifted keys: two pages that differ have the same 128 bits with
  ;; probability 2^-64 over the keys, whatever the pages hold. For each pair of vectors (a, b) of the page:
  ;; sum += (a + key) * (b + key'), 32 x 32 -> 64 bits, modulo 2^64.
  (func $hash (param $at i32 (;address;)) (param $key i32) (result v128)
    (local $end i32 (;address;))
    (local $a v128) (local $b v128) (local $one v128) (local $two v128)
    (local $k0 v128) (local $k1 v128) (local $k2 v128) (local $k3 v128)
    (local.set $end (i32.add (;address;) (local.get $at) (i32.const (;address;) 4096)))
    (local.set $k0 (v128.load $state (local.get $key)))
    (local.set $k1 (v128.load $state offset=16 (local.get $key)))
    (loop $again
      (local.set $a (v128.load $guest (local.get $at)))
      (local.set $b (v128.load $guest offset=16 (local.get $at)))
      (local.set $k2 (v128.load $state offset=32 (local.get $key)))
      (local.set $k3 (v128.load $state offset=48 (local.get $key)))
      (local.set $one (i64x2.add (local.get $one)
        (call $product (i32x4.add (local.get $a) (local.get $k0)) (i32x4.add (local.get $b) (local.get $k1)))))
      (local.set $two (i64x2.add (local.get $two)
        (call $product (i32x4.add (local.get $a) (local.get $k2)) (i32x4.add (local.get $b) (local.get $k3)))))
      (local.set $a (v128.load $guest offset=32 (local.get $at)))
      (local.set $b (v128.load $guest offset=48 (local.get $at)))
      (local.set $k0 (v128.load $state offset=64 (local.get $key)))
      (local.set $k1 (v128.load $state offset=80 (local.get $key)))
      (local.set $one (i64x2.add (local.get $one)
        (call $product (i32x4.add (local.get $a) (local.get $k2)) (i32x4.add (local.get $b) (local.get $k3)))))
      (local.set $two (i64x2.add (local.get $two)
        (call $product (i32x4.add (local.get $a) (local.get $k0)) (i32x4.add (local.get $b) (local.get $k1)))))
      (local.set $key (i32.add (local.get $key) (i32.const 64)))
      (local.set $at (i32.add (;address;) (local.get $at) (i32.const (;address;) 64)))
      (br_if $again (i32.lt_u (;address;) (local.get $at) (local.get $end))))
    ;; The two halves of each sum are added: 64 bits from each.
    (i64x2.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $one) (local.get $two))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $one) (local.get $two))))

  (func $product (param $x v128) (param $y v128) (result v128)
    (i64x2.add
      (i64x2.extmul_low_i32x4_u (local.get $x) (local.get $y))
      (i64x2.extmul_high_i32x4_u (local.get $x) (local.get $y)))))
