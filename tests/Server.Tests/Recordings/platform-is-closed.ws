ws-recording/1 role=server max=1048576,-,65536 text=checked rsv=0 lengths=shortest started=2026-11-26T03:28:57.2039883Z dropped=0 state=open
| +2504 @0 <8185.w.68656c6c6f !text
| +3091 @11 >text.6 ^81
| +3540 @11 >close.0fa0656e6f756768 =close-sent,0fa0656e6f756768 ^close.0fa0656e6f756768
| +5188 @11 <8885.c.03e8627965 =draining,clean,03e8627965,0fa0656e6f756768,local !close.03e8627965 $
| +5215 @22 <end =closed,clean,03e8627965,0fa0656e6f756768,local $
