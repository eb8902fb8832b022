Console.WriteLine("listening on ws://127.0.0.1:8765/");
