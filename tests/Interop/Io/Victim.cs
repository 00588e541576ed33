using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;

namespace Gateway.Interop.Io;

/// <summary>The test program as a gateway that takes ports and is then killed: started again with <see cref="Variable"/> set, it holds what it was told to until it ends.</summary>
internal static class Victim
{
    /// <summary>`STATE-FILE DEVICE…`: take these devices over (`xdp:DEVICE` through AF_XDP), with a punt device, and wait.</summary>
    public const string Variable = "GATEWAY_INTEROP_TAKE";

#pragma warning disable CA2255 // The one way to run before the test runner's own entry point, which is generated.
    [ModuleInitializer]
#pragma warning restore CA2255
    public static void RunInstead()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } order) return;
        string[] words = order.Split(' ');
        using PacketPool pool = new(256, hugepages: false);
        using PortFactory factory = new(words[0]);
        foreach (string device in words[1..])
        {
            PortSpec spec = device.StartsWith("xdp:", StringComparison.Ordinal) ? new PortSpec.AfXdp(device[4..]) { TakeOver = true } : new PortSpec.AfPacket(device) { TakeOver = true };
            PortOpening opening = factory.Open(spec, pool);
            if (opening is PortOpening.Opened) continue;
            Console.WriteLine(opening);
            Environment.Exit(1);
        }

        using PuntTap punt = factory.OpenPunt(new PuntOptions(), pool);
        punt.Update([System.Net.IPAddress.Parse("192.0.2.7")], []);
        using ManualResetEventSlim ended = new();
        using System.Runtime.InteropServices.PosixSignalRegistration _ = System.Runtime.InteropServices.PosixSignalRegistration.Create(
            System.Runtime.InteropServices.PosixSignal.SIGTERM,
            context =>
            {
                context.Cancel = true;
                ended.Set();
            });
        Console.WriteLine("holding");
        ended.Wait();
        punt.Dispose();
        factory.Dispose();
        Environment.Exit(0);
    }
}
