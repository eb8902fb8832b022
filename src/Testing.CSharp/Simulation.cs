using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace FunctionalWs.Testing;

/// <summary>
/// A world for a test in which a seed determines everything: which thread goes on, when bytes arrive and in which pieces, what
/// goes wrong, the time. Servers, handlers and clients are the real ones; their threads run one at a time. Nothing waits for
/// real: time goes on by itself when all threads wait. See <see cref="Run"/>.
/// </summary>
/// <remarks>
/// Members may be called on the simulation's own threads only: in the test, in handlers, and in what <see cref="Start"/> runs.
/// What these threads wait for has to be of this world: connections, clients, the members of this class, and what asynchronous code
/// awaits. A lock that is held while a connection or client is used, a task that is waited for by its own members, an event or a sleep of
/// .NET's stops the run: use <see cref="WaitUntil"/>, <see cref="Wait"/> and <see cref="Sleep"/>. Code between two calls of the server or the client is not interrupted.
/// </remarks>
/// <example>
/// <code>
/// Simulation.Run(simulation =>
/// {
///     var server = simulation.Serve(Echo);
///     var client = server.Connect();
///     client.Send("hello");
///     Assert.Equal("hello", client.Receive().Text);
/// });
/// </code>
/// </example>
public sealed class Simulation
{
    private const int TailLength = 60;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly SimulatedScheduler scheduler;
    private readonly SimulatedMedium medium;
    private readonly Schedule? schedule;
    private readonly List<InMemoryServer> servers = [];

    internal Simulation(int seed, Schedule? schedule = null)
    {
        Seed = seed;
        Random = Seeds.Stream(seed, 3);
        this.schedule = schedule;
        scheduler = new SimulatedScheduler(seed, new ManualTimeProvider(), schedule);
        medium = new SimulatedMedium(scheduler, Seeds.Stream(seed, 4));
    }

    /// <summary>
    /// Runs a test once for each of many seeds, one after the other; ends with the first that fails. The variable
    /// <c>FUNCTIONALWS_SEEDS</c> of the environment takes the place of the seeds: <c>17</c> runs that one,
    /// <c>1-100000</c> a range.
    /// </summary>
    /// <param name="test">
    /// The test. It is given a new simulation each time; what it does must depend on nothing else. When it returns, its servers
    /// are disposed of, and all threads have to end.
    /// </param>
    /// <param name="seeds">How many seeds: 1 or more, 100 by default.</param>
    /// <param name="firstSeed">The first of them: 0 or more, 1 by default.</param>
    /// <exception cref="SimulationFailedException">
    /// A run failed: the test or a thread threw, or threads wait for each other. It names the seed.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    /// <exception cref="FormatException">The variable is neither a number nor a range.</exception>
    public static void Run(Action<Simulation> test, int seeds = 100, int firstSeed = 1)
    {
        ArgumentNullException.ThrowIfNull(test);
        ArgumentOutOfRangeException.ThrowIfLessThan(seeds, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(firstSeed);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstSeed, int.MaxValue - seeds);
        var (first, last) = Seeds.Choose(firstSeed, seeds);
        for (var seed = first; seed <= last; seed++)
        {
            var simulation = new Simulation(seed);
            if (simulation.RunOnce(test) is { } failure)
                throw failure;
        }
    }

    /// <summary>
    /// Runs a short test under each schedule that may matter, one after the other; ends with the first that fails. A schedule says which thread
    /// goes on at each point where threads can meet: locks, fields that are read without one, streams, and between two calls of the library,
    /// where the test's and the handlers' own code runs. One thread goes on until it waits; that another goes on in its place is a preemption. Of
    /// two steps that don't meet the order is not tried. Most races need one preemption or two.
    /// </summary>
    /// <remarks>
    /// The network is reliable and without delay, unless the test says otherwise, and time passes when nobody can go on. The variable
    /// <c>FUNCTIONALWS_SCHEDULE</c> of the environment takes the place of all schedules: <c>12:3,57:1</c>, as a failure names it, runs that one.
    /// </remarks>
    /// <param name="test">
    /// The test, as for <see cref="Run"/>. Some calls of a few threads: the number of schedules grows with a power of their length.
    /// </param>
    /// <param name="preemptions">How many preemptions at most: 0 or more, 2 by default.</param>
    /// <param name="maxSchedules">How many schedules at most: 1 or more, 100,000 by default.</param>
    /// <param name="seed">What the test's random numbers are made of: 0 or more, 1 by default.</param>
    /// <returns>How many schedules were run, and whether they were all.</returns>
    /// <exception cref="SimulationFailedException">
    /// A run failed: the test or a thread threw, or threads wait for each other. It names the schedule.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    /// <exception cref="FormatException">The variable is no schedule.</exception>
    public static ExploredSchedules Explore(
        Action<Simulation> test,
        int preemptions = 2,
        int maxSchedules = 100_000,
        int seed = 1
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegative(preemptions);
        return ExploreBy(new Schedules(preemptions), test, maxSchedules, seed);
    }

    internal static ExploredSchedules ExploreBy(
        Schedules schedules,
        Action<Simulation> test,
        int maxSchedules,
        int seed
    )
    {
        ArgumentNullException.ThrowIfNull(test);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSchedules, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(seed);
        if (Environment.GetEnvironmentVariable(Schedules.Variable) is { } text)
        {
            RunSchedule(test, seed, Schedule.Parse(text));
            return new ExploredSchedules(1, IsComplete: false);
        }
        for (var count = 1; ; count++)
        {
            var schedule = schedules.Next();
            RunSchedule(test, seed, schedule);
            var isLast = !schedules.Advance(schedule);
            if (isLast || count == maxSchedules)
                return new ExploredSchedules(count, isLast);
        }
    }

    private static void RunSchedule(Action<Simulation> test, int seed, Schedule schedule)
    {
        var simulation = new Simulation(seed, schedule);
        if (simulation.RunOnce(test) is { } failure)
            throw failure;
    }

    /// <summary>What determines this run.</summary>
    public int Seed { get; }

    /// <summary>The source of the test's own choices, determined by the seed.</summary>
    public Random Random { get; }

    /// <summary>The simulated time. It stands still while a thread runs, and goes on when all of them wait.</summary>
    public TimeProvider Clock => scheduler.Clock;

    internal SimulatedScheduler Scheduler => scheduler;

    internal IReadOnlyList<SimulatedLink> Links => medium.Links;

    /// <summary>Makes a server with a handler, in this world.</summary>
    /// <param name="handler">The handler to test, called for each connection on its own thread.</param>
    /// <param name="options">
    /// Settings; null for the defaults. In the place of <see cref="ConnectionOptions.TimeProvider"/> comes <see cref="Clock"/>.
    /// </param>
    /// <returns>The server; it is disposed of at the end of the test at the latest.</returns>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public InMemoryServer Serve(Action<ServerConnection> handler, ServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var settings = (options ?? new ServerOptions()) with
        {
            TimeProvider = Clock,
            Scheduler = scheduler,
        };
        var server = new InMemoryServer(handler, settings, medium);
        servers.Add(server);
        return server;
    }

    /// <summary>Makes a server with a handler that is asynchronous, in this world.</summary>
    /// <param name="handler">
    /// The handler to test, called for each connection on its own thread, which waits for the task. What it awaits has to be of this world,
    /// too: tasks that its threads complete, and delays on <see cref="Clock"/>.
    /// </param>
    /// <param name="options">Settings, as for a handler that blocks.</param>
    /// <returns>The server; it is disposed of at the end of the test at the latest.</returns>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public InMemoryServer Serve(
        Func<ServerConnection, Task> handler,
        ServerOptions? options = null
    ) => Serve(HandlerContext.Blocking(handler), options);

    /// <summary>Makes a server with a handler that is called for each message.</summary>
    /// <param name="received">The handler to test, called with the connection and a message.</param>
    /// <param name="options">Settings, as for a handler of connections.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public InMemoryServer Serve(
        Action<ServerConnection, Message> received,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(received), options);

    /// <summary>Makes a server with an asynchronous handler that is called for each message.</summary>
    /// <param name="received">The handler to test: the next message of its connection waits for the task.</param>
    /// <param name="options">Settings, as for a handler of connections.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public InMemoryServer Serve(
        Func<ServerConnection, Message, Task> received,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(received), options);

    /// <summary>Makes a server that makes a message handler for each connection.</summary>
    /// <param name="make">Makes a connection's handler.</param>
    /// <param name="options">Settings, as for a handler of connections.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public InMemoryServer Serve(
        Func<ServerConnection, MessageHandler> make,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(make), options);

    /// <summary>Makes a server with the rules of a router, in this world.</summary>
    /// <param name="urlMap">The rules.</param>
    /// <param name="options">Settings, as for <see cref="Serve(Action{ServerConnection}, ServerOptions?)"/>.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public InMemoryServer Route(UrlMap urlMap, ServerOptions? options = null) =>
        Route(new Router(urlMap), options);

    /// <summary>Makes a server with a router, in this world.</summary>
    /// <param name="router">The router to test.</param>
    /// <param name="options">Settings, as for <see cref="Serve(Action{ServerConnection}, ServerOptions?)"/>.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public InMemoryServer Route(Router router, ServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(router);
        return Serve(router.Handle, router.WithRouting(options));
    }

    /// <summary>Runs something on a thread of its own, at the same time as everything else: a client, a second sender.</summary>
    /// <param name="run">What to run. What it throws makes the run fail.</param>
    /// <param name="name">A name for it in traces.</param>
    public SimulatedThread Start(Action run, string name = "thread")
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(name);
        return scheduler.StartThread(name, run);
    }

    /// <summary>
    /// Runs the part of a test in which <see cref="Explore"/> tries other orders: what comes before and after it, such as connecting, is run in
    /// one way. Without a call of it that is the whole test. For one part; under a seed it does nothing else than running it.
    /// </summary>
    /// <param name="part">What is run, on this thread.</param>
    /// <exception cref="InvalidOperationException">A part was run before, and schedules are explored.</exception>
    public void Interleave(Action part)
    {
        ArgumentNullException.ThrowIfNull(part);
        schedule?.Open();
        try
        {
            part();
        }
        finally
        {
            schedule?.Close();
        }
    }

    /// <summary>Waits until a condition holds; other threads go on meanwhile.</summary>
    /// <param name="condition">
    /// Asked often, on any thread, while all others stand still. It must not wait, change anything or throw.
    /// </param>
    /// <param name="timeout">How long at most, in simulated time; null, the default, for as long as it takes.</param>
    /// <returns>False when the time was up first.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    public bool WaitUntil(Func<bool> condition, TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        var time = WaitingTime.Checked(timeout, nameof(timeout));
        return scheduler.Block(condition, scheduler.After(time), "a condition of the test");
    }

    /// <summary>
    /// Waits until a task has ended, and throws what it ended with; other threads go on meanwhile. Asynchronous code goes on on threads of
    /// the simulation wherever it awaits, unless it says <c>ConfigureAwait(false)</c>.
    /// </summary>
    /// <param name="task">What is waited for, such as that of a <see cref="TaskCompletionSource"/>, or of a delay on <see cref="Clock"/>.</param>
    /// <param name="timeout">How long at most, in simulated time; null, the default, for as long as it takes.</param>
    /// <returns>False when the time was up first.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    public bool Wait(Task task, TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        var time = WaitingTime.Checked(timeout, nameof(timeout));
        if (!scheduler.Block(() => task.IsCompleted, scheduler.After(time), "a task of the test"))
            return false;
        task.GetAwaiter().GetResult();
        return true;
    }

    /// <summary>Lets simulated time pass; other threads go on meanwhile.</summary>
    /// <param name="time">How long: zero, for a point at which other threads may go first, or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative.</exception>
    public void Sleep(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        scheduler.Sleep(time);
    }

    /// <summary>Runs the test in this world; tells why it failed, if it did.</summary>
    internal SimulationFailedException? RunOnce(Action<Simulation> test)
    {
        ForgetCompressors();
        var ended = new ManualResetEventSlim();
        Exception? failure = null;
        scheduler.Ended = error =>
        {
            failure = error;
            ended.Set();
        };
        scheduler.StartThread("test", () => Perform(test));
        scheduler.Begin();
        if (!IsEnding(ended))
            failure = new TimeoutException(
                Invariant(
                    $"A thread waits for something that is not of the simulation's world: {scheduler.Describe()}."
                )
            );
        return failure is null
            ? null
            : new SimulationFailedException(
                Seed,
                schedule?.ToString(),
                scheduler.Trace.Tail(TailLength),
                failure
            );
    }

    /// <summary>
    /// One that was used before may compress in another way than a new one, so each run begins without any. The first call
    /// marks them, the second gives them back.
    /// </summary>
    private static void ForgetCompressors()
    {
        Deflater.Trim();
        Deflater.Trim();
    }

    private void Perform(Action<Simulation> test)
    {
        test(this);
        foreach (var server in servers)
            server.Dispose();
    }

    /// <summary>False when nothing has happened for some seconds of real time.</summary>
    private bool IsEnding(ManualResetEventSlim ended)
    {
        var steps = scheduler.Steps;
        var since = Stopwatch.StartNew();
        while (!ended.Wait(TimeSpan.FromMilliseconds(500)))
        {
            if (scheduler.Steps != steps)
                since.Restart();
            else if (since.Elapsed > Patience)
                return false;
            steps = scheduler.Steps;
        }
        return true;
    }
}
