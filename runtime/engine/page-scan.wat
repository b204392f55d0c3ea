;; Which of up to 32 pages of 4 KiB hold a byte other than zero: bit n of the result stands for page n after $address.
;; The host calls it once for each 128 KiB, so that no second memory is needed for results.
;; Written for 32-bit memories; generate-memory-modules.mjs makes the variants: it replaces `(;address;)` marked types by
;; i64 for 64-bit memories, and the memory's type.
(module
  (import "guest" "memory" (memory (;limits;) 0))

  (func (export "nonZero") (param $address i32 (;address;)) (param $pageCount i32) (result i32)
    (local $page i32) (local $bits i32)
    (loop $pages
      (local.set $bits
        (i32.or (local.get $bits) (i32.shl (call $holdsAnything (local.get $address)) (local.get $page))))
      (local.set $address (i32.add (;address;) (local.get $address) (i32.const (;address;) 4096)))
      (br_if $pages
        (i32.lt_u (local.tee $page (i32.add (local.get $page) (i32.const 1))) (local.get $pageCount))))
    (local.get $bits))

  ;; 1 or 0; leaves at the first 64 bytes that hold anything.
  (func $holdsAnything (param $at i32 (;address;)) (result i32)
    (local $end i32 (;address;))
    (local.set $end (i32.add (;address;) (local.get $at) (i32.const (;address;) 4096)))
    (loop $again
      (if (v128.any_true
            (v128.or
              (v128.or (v128.load (local.get $at)) (v128.load offset=16 (local.get $at)))
              (v128.or (v128.load offset=32 (local.get $at)) (v128.load offset=48 (local.get $at)))))
        (then (return (i32.const 1))))
      (local.set $at (i32.add (;address;) (local.get $at) (i32.const (;address;) 64)))
      (br_if $again (i32.lt_u (;address;) (local.get $at) (local.get $end))))
    (i32.const 0)))
