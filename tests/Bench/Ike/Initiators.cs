using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Gateway.Bench.Harness;
using Gateway.Crypto;
using Gateway.Crypto.Signatures;
using Gateway.Host.Ike.Interop;
using Gateway.Ike.Certificates;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Bench.Ike;

/// <summary>What a run of set-ups came to.</summary>
/// <param name="Latencies">From the first IKE_SA_INIT request to the IKE_AUTH response as taken, one per set-up, ascending.</param>
internal sealed record LoadRun(int Done, int Failed, TimeSpan Elapsed, double[] Latencies)
{
    internal double Rate => Done / Elapsed.TotalSeconds;

    internal double Median => Latencies.Length == 0 ? double.NaN : Latencies[Latencies.Length / 2];
}

/// <summary>
/// Thousands of initiators behind one address: the engine of the project with two sockets, on one thread. The same for every responder, and counted
/// only as what makes the load. It installs nothing and keeps no vault.
/// </summary>
internal sealed class Initiators : ISecretSource, IDisposable
{
    private const string _child = "net";
    private static readonly KeyHandle _pskHandle = new(new UInt128(1, 1));
    private static readonly KeyHandle _keyHandle = new(new UInt128(1, 2));

    private readonly LoadProfile _profile;
    private readonly IkeEngine _engine;
    private readonly Socket[] _sockets;
    private readonly IPEndPoint[] _locals;
    private readonly OutputList _outputs = new();
    private readonly byte[] _buffer = new byte[65536];
    private readonly Dictionary<ConnectionName, long> _begun = [];
    private readonly List<double> _latencies = [];
    private readonly SocketAddress _from = new(AddressFamily.InterNetwork);
    private int _failed;

    /// <param name="ns">Where they live.</param>
    /// <param name="profile">How they prove who they are.</param>
    /// <param name="count">How many there are; they are numbered from 0.</param>
    internal Initiators(Netns ns, LoadProfile profile, int count)
    {
        _profile = profile;
        var local = IPAddress.Parse(LabNet.RightAddress);
        _locals = [new IPEndPoint(local, 500), new IPEndPoint(local, 4500)];
        _sockets = ns.Run(() => _locals.Select(Open).ToArray());
        _engine = new IkeEngine(new IkeEngineOptions
        {
            Secrets = this,
            Numbers = new SaNumbers(0, 0),
            Settings = new IkeSettings { RetransmitTimeout = TimeSpan.FromSeconds(1), RetransmitBase = 1.5, RetransmitTries = 6, Keepalive = TimeSpan.Zero, FailureInterval = TimeSpan.Zero },
        });
        if (profile.Client is { } client) _engine.LoadCredentials(Read(profile.Authority!, client));
        var connections = new Connection[count];
        for (var i = 0; i < count; i++)
            if (!ConnectionCompiler.TryCompile(Name(i), profile.Initiator(i), out connections[i]!, out var error)) throw new InvalidOperationException(error);
        _engine.LoadConnections(connections, [new SharedSecret([], _pskHandle)], BootClock.Now, _outputs);
        CarryOut();
    }

    /// <summary>The first datagram that was ever sent: an IKE_SA_INIT request.</summary>
    internal byte[]? FirstRequest { get; private set; }

    /// <summary>IKE SAs in any state.</summary>
    internal int Count => _engine.Count;

    /// <summary>How often a responder asked after its peers' lives.</summary>
    internal long Asked { get; private set; }

    public Secret? Open(KeyHandle handle) => Secret.FromBytes(handle == _keyHandle ? Encoding.ASCII.GetBytes(_profile.Client!.Value.Key) : Encoding.ASCII.GetBytes(LoadProfile.Secret));

    /// <summary>Sets up the initiators of a range, so many at once; those that fail are begun again as often as the time allows.</summary>
    internal LoadRun SetUp(int first, int count, int atOnce, TimeSpan limit)
    {
        _latencies.Clear();
        _begun.Clear();
        _failed = 0;
        var (next, start) = (first, Stopwatch.GetTimestamp());
        while (_latencies.Count < count && Stopwatch.GetElapsedTime(start) < limit)
        {
            while (_begun.Count < atOnce && next < first + count) Begin(Name(next++));
            Turn(1000);
        }

        var elapsed = Stopwatch.GetElapsedTime(start);
        var sorted = _latencies.ToArray();
        Array.Sort(sorted);
        return new LoadRun(sorted.Length, _failed, elapsed, sorted);
    }

    /// <summary>Answers what comes for a time.</summary>
    internal void Serve(TimeSpan time)
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < time;) Turn(10_000);
    }

    /// <summary>Deletes all IKE SAs and waits for the answers.</summary>
    internal void Clear()
    {
        for (var i = 0; _engine.Count > 0; i++)
        {
            if (i == 1000) throw new InvalidOperationException($"{_engine.Count} IKE SAs do not end: {string.Join(", ", _engine.Sas(BootClock.Now).GroupBy(s => s.State).Select(g => $"{g.Count()} {g.Key}"))}.");
            // Not all at once: no queue of the responder shall overflow.
            foreach (var sa in _engine.Sas(BootClock.Now).Take(200))
            {
                _engine.Terminate(sa.Connection, null, "done", BootClock.Now, _outputs);
                CarryOut();
            }

            if (_engine.Count > 200) i = 0;
            Serve(TimeSpan.FromMilliseconds(60));
        }
    }

    public void Dispose()
    {
        foreach (var socket in _sockets) socket.Dispose();
        _engine.Dispose();
    }

    private static ConnectionName Name(int number) => new($"c{number}");

    private static Socket Open(IPEndPoint local)
    {
        const int receiveBufferForce = 33, socketLevel = 1, buffer = 8 << 20;
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        socket.SetRawSocketOption(socketLevel, receiveBufferForce, BitConverter.GetBytes(buffer));
        socket.Bind(local);
        return socket;
    }

    private static Credentials Read(string authority, (string Certificate, string Key) client)
    {
        if (!PrivateKey.TryParse(Encoding.ASCII.GetBytes(client.Key), out var key)) throw new InvalidOperationException("The key of the load cannot be read.");
        using (key)
        {
            return new Credentials
            {
                EndEntities = [new NamedCertificate("client", Parse(client.Certificate))],
                Authorities = [new NamedCertificate("ca", Parse(authority))],
                PrivateKeys = [new HeldKey(key.Public.InfoHash(), _keyHandle)],
            };
        }
    }

    private static Certificate Parse(string pem) =>
        CertificateReader.TryRead(Pem.Decode(pem, "CERTIFICATE")!, out var certificate, out var error) ? certificate : throw new CryptographicException(error);

    private void Begin(ConnectionName name)
    {
        _begun[name] = Stopwatch.GetTimestamp();
        _engine.Initiate(name, null, BootClock.Now, _outputs);
        CarryOut();
    }

    // One look at the sockets and the timers.
    private void Turn(int microseconds)
    {
        var readable = new List<Socket>(_sockets);
        Socket.Select(readable, null, null, microseconds);
        foreach (var socket in readable)
            for (var i = 0; i < 64 && socket.Available > 0; i++) Take(socket);
        var now = BootClock.Now;
        if (_engine.NextDeadline is { } deadline && deadline <= now)
        {
            _engine.Advance(now, _outputs);
            CarryOut();
        }
    }

    private void Take(Socket socket)
    {
        int length;
        try
        {
            length = socket.ReceiveFrom(_buffer, SocketFlags.None, _from);
        }
        catch (SocketException)
        {
            // An ICMP error of an earlier datagram.
            return;
        }

        var at = socket == _sockets[0] ? 0 : 1;
        var remote = (IPEndPoint)_locals[0].Create(_from);
        if (Header(_buffer.AsSpan(0, length), at == 1) is { } header && (header[18], header[19] & 0x20) == (37, 0)) Asked++;
        _engine.Receive(_locals[at], remote, _buffer.AsSpan(0, length).ToArray(), at == 1, BootClock.Now, _outputs);
        CarryOut();
    }

    private static byte[]? Header(ReadOnlySpan<byte> datagram, bool marked) => datagram.Length < 32 ? null : datagram.Slice(marked ? 4 : 0, 28).ToArray();

    private void CarryOut()
    {
        foreach (var output in _outputs)
        {
            switch (output)
            {
                case IkeOutput.Store store: store.Content.Dispose(); break;
                case IkeOutput.Send send:
                    FirstRequest ??= send.Payload.ToArray();
                    try
                    {
                        _sockets[send.Local.Port == 500 ? 0 : 1].SendTo(send.Payload.Span, SocketFlags.None, send.Remote);
                    }
                    catch (SocketException)
                    {
                        // No room, or an ICMP error of an earlier datagram: it is sent again.
                    }

                    break;
                case IkeOutput.Install install when _begun.Remove(install.Parameters.Connection, out var since):
                    _latencies.Add(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
                    break;
            }
        }

        var failed = _outputs.OfType<IkeOutput.Fact>().Select(f => f.Event).OfType<IkeSaFailed>().ToList();
        _outputs.Clear();
        foreach (var failure in failed)
        {
            _failed++;
            if (failure.Connection is not { } name || !_begun.Remove(name)) continue;
            if (_failed > 5000) throw new InvalidOperationException($"Set-ups fail: {failure.Reason}, {failure.Detail}");
            Begin(name);
        }
    }
}
