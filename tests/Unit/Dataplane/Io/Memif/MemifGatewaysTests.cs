using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Io.Memif;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Io.Memif;

/// <summary>Two dataplanes with workers of their own, joined by a memif.</summary>
public sealed class MemifGatewaysTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_ping_through_one_gateway_wakes_the_other_which_sleeps_on_its_memif(bool farIsServer)
    {
        string folder = Directory.CreateTempSubdirectory("gwmemif").FullName;
        PortSpec.Memif spec = new("m") { Socket = Path.Combine(folder, "s"), IsServer = !farIsServer };
        using (MemifHub nearHub = new(), farHub = new())
        using (DataplaneControl near = New(), far = New())
        {
            InMemoryPort lan = new(near.Pool);
            byte[] lanMac = Build.Mac("02:00:00:00:01:01"), host = Build.Mac("02:00:00:00:01:02");
            MemifPort nearPort = nearHub.Open(spec, near.Pool), farPort = farHub.Open(spec with { IsServer = farIsServer }, far.Pool);
            uint inside = near.AddInterface(new InterfaceSettings { Name = "lan", Type = "in-memory", Mac = new PhysicalAddress(lanMac) }, lan);
            uint nearWire = near.AddInterface(new InterfaceSettings { Name = "near", Type = "memif" }, nearPort);
            uint farWire = far.AddInterface(new InterfaceSettings { Name = "far", Type = "memif" }, farPort);
            near.SetAddresses(inside, [TestGateway.Address("10.1.0.1", 24)]);
            near.SetAddresses(nearWire, [TestGateway.Address("10.0.0.1", 24)]);
            far.SetAddresses(farWire, [TestGateway.Address("10.0.0.2", 24)]);
            near.AddNeighbor(inside, IPAddress.Parse("10.1.0.2"), new PhysicalAddress(host));
            far.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.1.0.0/24"), Via = IPAddress.Parse("10.0.0.1") });
            near.Start();
            far.Start();
            MemifPair.Await(() => near.Interfaces().Single(i => i.Name == "near").Up && far.Interfaces().Single().Up, "the memif is up");
            for (int i = 1; i <= 5; i++)
            {
                ulong slept = far.WorkerRows().Single().Sleeps;
                MemifPair.Await(() => far.WorkerRows().Single().Sleeps > slept || slept > 3, "the far worker sleeps");
                byte[] echo = Build.Icmp4(8, 0, (uint)(0x1234 << 16 | i), Build.Bytes(100, i));
                Assert.True(lan.Offer(Build.Ethernet(lanMac, host, 0x0800, Build.Ip4("10.1.0.2", "10.0.0.2", 1, echo))));
                byte[]? reply = null;
                MemifPair.Await(() => (reply = lan.CollectBytes()) is { Length: >= 142 } && (reply[12], reply[13], reply[34]) == (8, 0, 0), "the reply comes");
                Assert.Equal(echo[8..], reply![42..(42 + 100)]);
            }

            Assert.Contains(far.Counters(), c => c is { Node: "far", Name: "connections", Value: 1 });
        }

        Directory.Delete(folder);
    }

    private static DataplaneControl New() => new(new DataplaneOptions { Buffers = 1024, Hugepages = false });
}
