using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Scenarios.Ike;

/// <summary>Many things at once over a network that loses, doubles, delays and so reorders.</summary>
public sealed class Lossy
{
    // The later ones once found a delete or a rekeying that overtook the answer which tells of the CHILD SA.
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 30), 56, 80, 122, 132, 141, 176, 194, 220, 282, 293];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Whatever_is_lost_both_sides_agree_in_the_end(int seed)
    {
        var random = new Random(seed);
        static ConnectionSpec Both(ConnectionSpec s) => Lab.WithChild(s with { DpdDelay = new SwanDuration(30), Keyingtries = 0 }, c => c with { DpdAction = LossAction.Start });
        using var lab = Lab.Configured(Both, s => Both(s) with { RemoteAddrs = ["%any"] }, seed: seed);
        lab.Path = p =>
        {
            if (random.NextDouble() < 0.2) return [];
            var copies = random.NextDouble() < 0.1 ? 2 : 1;
            return Enumerable.Range(0, copies).Select(_ => p with { At = lab.Now + TimeSpan.FromMilliseconds(random.Next(5, 3000)) });
        };
        try
        {
            lab.Left.Initiate();
            for (var i = 0; i < 40; i++)
            {
                lab.Run(random.Next(0, 20));
                var peer = random.Next(2) == 0 ? lab.Left : lab.Right;
                switch (random.Next(8))
                {
                    case 0 or 1 or 2: peer.Rekey("net"); break;
                    case 3 or 4: peer.Rekey(); break;
                    case 5: peer.Terminate("net"); break;
                    case 6: lab.Left.Initiate(); break;
                    default:
                        // Also the process may die at any time, at once or in the middle of what it does next, and comes back from its vault.
                        if (i % 3 == 0) peer.KillAndResume();
                        else peer.DiesAfter = i % 7;
                        break;
                }
            }

            (lab.Left.DiesAfter, lab.Right.DiesAfter) = (null, null);
            // The network heals; all that waits is done or given up.
            lab.Path = p => [p with { At = lab.Now + TimeSpan.FromMilliseconds(20) }];
            lab.Run(500);
            lab.Left.Initiate();
            lab.Run(300);
            Assert.Contains(lab.Left.Sas, s => s.State == "ESTABLISHED");
            Assert.Equal(lab.Left.Sas.Count, lab.Right.Sas.Count);
            lab.AssertCrossed();
            Assert.NotEmpty(lab.Left.Installed);
            lab.AssertJournalsAreTrue();
            lab.AssertNoNonceTwice();
            lab.AssertNoFault();
        }
        catch (Exception e)
        {
            Assert.Fail($"seed {seed}: {e.Message}\n{string.Join('\n', lab.Trace)}");
        }
    }
}
