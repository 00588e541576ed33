using System.Net;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Ike.Engine;

/// <summary>The indexes find what looking at everything would find.</summary>
public sealed class IndexTests
{
    private static readonly string[] _names = ["left.lab", "RIGHT.lab", "right.lab", "*.lab", "*", "%any", "me@lab", "ME@LAB", "192.0.2.7", "@#0102"];

    [Fact]
    public void Connections_between_two_addresses_are_found_in_the_same_order()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        string Address() => $"192.0.2.{random.Next(6)}";
        for (var round = 0; round < 200; round++)
        {
            var connections = Enumerable.Range(0, random.Next(12)).Select(i => Compile($"c{i}",
                [random.Next(3) == 0 ? "%any" : Address()],
                random.Next(5) switch { 0 => ["%any"], 1 => ["192.0.2.0/29"], 2 => [Address(), Address()], 3 => ["peer.example", Address()], _ => [Address()] })).ToList();
            var index = new ConnectionIndex(connections);
            for (var i = 0; i < 20; i++)
            {
                var (local, remote) = (IPAddress.Parse(Address()), IPAddress.Parse(Address()));
                var slow = connections.Select(c => (Connection: c, Score: c.Match(local, remote))).Where(c => c.Score > 0).OrderByDescending(c => c.Score).Select(c => c.Connection.Name.Value);
                Assert.True(slow.SequenceEqual(index.Between(local, remote).Select(c => c.Name.Value)), $"seed {seed}");
            }

            foreach (var connection in connections) Assert.Same(connection, index.Find(connection.Name));
            Assert.Null(index.Find(new ConnectionName("other")));
        }
    }

    [Fact]
    public void Secrets_are_weighed_as_if_all_were_looked_at()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        Identity Any() => Identity.TryParse(_names[random.Next(_names.Length)], out var id) ? id : throw new FormatException();
        for (var round = 0; round < 500; round++)
        {
            var secrets = Enumerable.Range(1, random.Next(10)).Select(i => new SharedSecret(Enumerable.Range(0, random.Next(4)).Select(_ => Any()).ToValueList(), new KeyHandle((UInt128)(ulong)i))).ToList();
            var index = new SecretIndex(secrets);
            for (var i = 0; i < 20; i++)
            {
                var (local, remote) = (Any(), Any());
                var best = secrets.Select(s => (Secret: s, Score: s.Match(local, remote))).Where(s => s.Score > 0).OrderByDescending(s => s.Score).FirstOrDefault();
                Assert.True(best.Secret?.Handle == index.Find(local, remote)?.Handle, $"seed {seed}: {local} {remote}");
            }
        }
    }

    private static Connection Compile(string name, ValueList<string> local, ValueList<string> remote)
    {
        var spec = new ConnectionSpec
        {
            LocalAddrs = local,
            RemoteAddrs = remote,
            Proposals = ["aes128gcm16-prfsha256-x25519"],
            Local = [new AuthenticationRound { Id = "a" }],
            Remote = [new AuthenticationRound { Id = "b" }],
            Children = new Dictionary<string, ChildSpec>(),
        };
        Assert.True(ConnectionCompiler.TryCompile(new ConnectionName(name), spec, out var connection, out var error), error);
        return connection;
    }
}
