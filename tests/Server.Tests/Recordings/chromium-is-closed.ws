ws-recording/1 role=server max=1048576,-,65536 text=checked rsv=4 lengths=shortest started=2026-11-26T03:29:08.4671071Z dropped=0 state=open
| +7044 @0 <c187.w.68656c6c6f !text
| +7072 @13 >text.6 ^81
| +7299 @13 >close.0fa0656e6f756768 =close-sent,0fa0656e6f756768 ^close.0fa0656e6f756768
| +7599 @13 <8888.c.0fa0656e6f756768 =draining,clean,0fa0656e6f756768,0fa0656e6f756768,local !close.0fa0656e6f756768 $
| +7750 @27 <end =closed,clean,0fa0656e6f756768,0fa0656e6f756768,local $
