using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gateway.Host.Journal.EventStore;
using Gateway.Host.Journal.EventStore.Contract;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using EndPoint = Gateway.Host.Journal.EventStore.Contract.EndPoint;
using State = Gateway.Host.Journal.EventStore.Contract.MemberInfo.Types.VNodeState;
using Timeout = System.Threading.Timeout;

namespace Gateway.Unit.Journal.EventStore.Endpoint;

/// <summary>
/// One node that speaks the event store's gRPC contract on loopback: streams (read, append, batch append, tombstone), gossip and server features, over the
/// data of a <see cref="StoreState"/>. It can be made to fail in many ways. The store's own clients hold it to the contract.
/// </summary>
internal sealed class StoreServer : IAsyncDisposable
{
    private readonly StoreState _state;
    private readonly X509Certificate2? _certificate;
    private static int _lastPort = 20_000 + (Environment.ProcessId % 100 * 100);
    private WebApplication? _app;

    public StoreServer(StoreState state, X509Certificate2? certificate = null)
    {
        (_state, _certificate) = (state, certificate);
        Port = NextPort();
    }

    /// <summary>Its own for good: below the ports that the kernel deals out, so that nobody else gets it while the node is down.</summary>
    public int Port { get; }

    public bool IsLeader { get; set; } = true;

    public bool IsUp => _app is not null;

    /// <summary>The cluster's nodes; alone when empty.</summary>
    public IReadOnlyList<StoreServer> Cluster { get; set; } = [];

    /// <summary><c>user:password</c>; null = everybody may.</summary>
    public string? Credentials { get; set; }

    /// <summary>Gossip and features are told to everybody, as a store does that allows anonymous access to them: its clients ask without credentials.</summary>
    public bool GossipForAll { get; set; } = true;

    public int MaxAppendSize { get; set; } = 1024 * 1024;

    /// <summary>Asked for each call by its method's name, for example <c>Append</c>.</summary>
    public Func<string, Fault> Faults { get; set; } = _ => Fault.None;

    /// <summary>Calls that were held back; <see cref="Fault.Late"/>.</summary>
    public ConcurrentQueue<Action> Held { get; } = new();

    /// <summary>Names of the methods that were called.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            if (_certificate is not null) listen.UseHttps(_certificate);
        }));
        var app = builder.Build();
        app.Run(ServeAsync);
        await app.StartAsync();
        _app = app;
    }

    /// <summary>Ends at once; calls in flight are broken off.</summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref _app, null) is not { } app) return;
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private static int NextPort()
    {
        while (true)
        {
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, Interlocked.Increment(ref _lastPort));
                probe.Start();
                return ((IPEndPoint)probe.LocalEndpoint).Port;
            }
            catch (SocketException)
            {
                // Somebody else's; the next one.
            }
        }
    }

    private async Task ServeAsync(HttpContext context)
    {
        var method = context.Request.Path.Value!.Split('/')[^1];
        Calls.Enqueue(method);
        var answer = new GrpcAnswer(context);
        var fault = Faults(method);
        try
        {
            switch (fault)
            {
                case Fault.BreakBefore:
                    context.Abort();
                    return;
                case Fault.Hang:
                    await Task.Delay(Timeout.Infinite, context.RequestAborted);
                    return;
                case Fault.Unavailable:
                    await answer.FailAsync(GrpcStatus.Unavailable, "Server Is Too Busy");
                    return;
            }

            var open = GossipForAll && !context.Request.Path.Value.Contains("Streams", StringComparison.Ordinal);
            if (!open && Credentials is { } credentials && context.Request.Headers.Authorization != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)))
            {
                if (context.Request.Headers.Authorization.Count == 0) await answer.FailAsync(GrpcStatus.PermissionDenied, "Access Denied", ("exception", "access-denied"));
                else await answer.FailAsync(GrpcStatus.Unauthenticated, "Unauthenticated");
                return;
            }

            var mustLead = context.Request.Headers["requires-leader"] == "true" || method is "Append" or "BatchAppend" or "Tombstone";
            if (fault == Fault.NotLeader || (mustLead && !IsLeader && method is "Append" or "Read" or "Tombstone" or "BatchAppend" && context.Request.Headers["requires-leader"] == "true"))
            {
                var leader = Cluster.FirstOrDefault(n => n.IsLeader && n.IsUp) ?? this;
                await answer.FailAsync(GrpcStatus.NotFound, "Leader info available", ("exception", "not-leader"), ("leader-endpoint-host", "127.0.0.1"), ("leader-endpoint-port", $"{leader.Port}"));
                return;
            }

            answer.Fault = fault;
            switch (method)
            {
                case "Append":
                    await AppendAsync(context, answer);
                    break;
                case "BatchAppend":
                    await BatchAppends.ServeAsync(context, answer, _state, MaxAppendSize);
                    break;
                case "Read" when context.Request.Path.Value.Contains("gossip", StringComparison.Ordinal):
                    await answer.SendAsync(Gossip());
                    await answer.EndAsync();
                    break;
                case "Read":
                    var request = await answer.ReceiveAsync(ReadReq.Parser) ?? throw new InvalidDataException("No request.");
                    await Reads.ServeAsync(answer, _state, request.Options, context.RequestAborted);
                    break;
                case "Tombstone":
                    var dead = await answer.ReceiveAsync(DeleteReq.Parser) ?? throw new InvalidDataException("No request.");
                    _state.Tombstone(dead.Options.StreamIdentifier.StreamName.ToStringUtf8());
                    await answer.SendAsync(new DeleteResp());
                    await answer.EndAsync();
                    break;
                case "GetSupportedMethods":
                    await answer.SendAsync(Features());
                    await answer.EndAsync();
                    break;
                default:
                    await answer.FailAsync(GrpcStatus.Unimplemented, "Service is unimplemented.");
                    break;
            }
        }
        catch (OperationCanceledException)
        {
            // The caller is gone.
        }
    }

    private async Task AppendAsync(HttpContext context, GrpcAnswer answer)
    {
        var options = (await answer.ReceiveAsync(AppendReq.Parser))?.Options ?? throw new InvalidDataException("No options.");
        var events = new List<KeptEvent>();
        while (await answer.ReceiveAsync(AppendReq.Parser) is { ProposedMessage: { } message })
            events.Add(Kept.Of(message.Id, message.Metadata, message.CustomMetadata, message.Data));
        var stream = options.StreamIdentifier.StreamName.ToStringUtf8();
        if (_state.IsDeleted(stream))
        {
            await answer.FailAsync(GrpcStatus.FailedPrecondition, $"Event stream '{stream}' is deleted.", ("exception", "stream-deleted"), ("stream-name", stream));
            return;
        }

        if (events.Sum(e => e.Data.Length + e.Metadata.Length) > MaxAppendSize)
        {
            await answer.FailAsync(GrpcStatus.InvalidArgument, $"Maximum Append Size of {MaxAppendSize} Exceeded.", ("exception", "maximum-append-size-exceeded"), ("maximum-append-size", $"{MaxAppendSize}"));
            return;
        }

        var expected = options.ExpectedStreamRevisionCase switch
        {
            AppendReq.Types.Options.ExpectedStreamRevisionOneofCase.Revision => (long)options.Revision,
            AppendReq.Types.Options.ExpectedStreamRevisionOneofCase.NoStream => -1,
            AppendReq.Types.Options.ExpectedStreamRevisionOneofCase.StreamExists => -4,
            _ => -2,
        };
        if (answer.Fault == Fault.Late)
        {
            Held.Enqueue(() => _state.Append(stream, expected, events));
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
            return;
        }

        var result = _state.Append(stream, expected, events);
        await answer.SendAsync(result.Ok ? Success(result) : Wrong(expected, result.Revision));
        await answer.EndAsync();
    }

    private static AppendResp Success(Appended appended) => new()
    {
        Success = new AppendResp.Types.Success { CurrentRevision = (ulong)appended.Revision, Position = new AppendResp.Types.Position { CommitPosition = appended.Position, PreparePosition = appended.Position } },
    };

    private static AppendResp Wrong(long expected, long current)
    {
        var wrong = new AppendResp.Types.WrongExpectedVersion();
        if (current < 0) wrong.CurrentNoStream = new Empty();
        else wrong.CurrentRevision = (ulong)current;
        if (expected >= 0) wrong.ExpectedRevision = (ulong)expected;
        else if (expected == -1) wrong.ExpectedNoStream = new Empty();
        else if (expected == -4) wrong.ExpectedStreamExists = new Empty();
        else wrong.ExpectedAny = new Empty();
        return new AppendResp { WrongExpectedVersion = wrong };
    }

    private ClusterInfo Gossip()
    {
        var info = new ClusterInfo();
        foreach (var node in Cluster.Count == 0 ? [this] : Cluster)
        {
            info.Members.Add(new MemberInfo
            {
                InstanceId = new UUID { String = Guid.NewGuid().ToString() },
                TimeStamp = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks,
                State = !node.IsUp ? State.Shutdown : node.IsLeader ? State.Leader : State.Follower,
                IsAlive = node.IsUp,
                HttpEndPoint = new EndPoint { Address = _certificate is null ? "127.0.0.1" : "localhost", Port = (uint)node.Port },
            });
        }

        return info;
    }

    private static SupportedMethods Features()
    {
        var features = new SupportedMethods { EventStoreServerVersion = "23.10.0" };
        foreach (var method in new[] { "append", "batchappend", "read", "tombstone" })
            features.Methods.Add(new SupportedMethod { ServiceName = "event_store.client.streams.streams", MethodName = method });
        features.Methods.Add(new SupportedMethod { ServiceName = "event_store.client.gossip.gossip", MethodName = "read" });
        return features;
    }
}
