;; Uses a data segment after data.drop, with stops between: must trap wherever it was stopped, for the segment stays
;; dropped in a resumed machine.
(module
  ;; include report.wat
  (data $once "12345678")
  (func (export "_start")
    (memory.init $once (i32.const 0) (i32.const 0) (i32.const 8))
    (call $say (i64.load (i32.const 0)))
    (data.drop $once)
    (call $work (i32.const 20))
    (call $say (i64.const 1))
    (memory.init $once (i32.const 0) (i32.const 0) (i32.const 1))
    (call $pass)))
